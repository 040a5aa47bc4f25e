# shellcheck shell=bash disable=SC2034,SC2154  # run shares its variables with this file
# Sourced by run: a Docker engine that answers; where there is none, one of our own until the end.

readonly engine_patience_s=60
readonly engine_stop_patience_s=30
engine_ready=
engine_pid=
engine_folder=

engine_answers() {
  timeout 20 docker version --format '{{.Server.Version}}' >/dev/null 2>&1
}

find_engine() {
  if command -v docker >/dev/null && engine_answers; then
    engine_ready=theirs
    echo "Docker $(docker version --format '{{.Server.Version}}') answers."
    return
  fi
  ((EUID == 0)) || fail 'no Docker engine answers. Start one, or run this as root, who gets one of its own.'
  command -v dockerd >/dev/null || scripts/setup --packages --with docker-engine
  # Not every kernel has what Docker's firewall rules need. Without them, networks are not kept apart.
  start_engine || start_engine --iptables=false --ip6tables=false || {
    tail -n "$error_lines" "$state/engine.log" >&2
    fail "Docker's engine does not start here. The whole log: $state/engine.log"
  }
  engine_ready=ours
}

start_engine() {
  # A socket's path must be short.
  engine_folder=$(mktemp -d /tmp/pollbus-docker.XXXXXX)
  setsid dockerd --data-root "$state/engine" --exec-root "$engine_folder/exec" \
    --pidfile "$engine_folder/pid" --host "unix://$engine_folder/socket" "$@" \
    >"$state/engine.log" 2>&1 </dev/null 9>&- &
  engine_pid=$!
  export DOCKER_HOST=unix://$engine_folder/socket
  local deadline=$((SECONDS + engine_patience_s))
  until engine_answers; do
    if ! kill -0 "$engine_pid" 2>/dev/null || ((SECONDS > deadline)); then
      stop_engine
      return 1
    fi
    sleep 0.5
  done
  echo "Docker $(docker version --format '{{.Server.Version}}') started for this test${*:+ with $*}."
}

stop_engine() {
  [[ -n $engine_pid ]] || return 0
  kill "$engine_pid" 2>/dev/null || true
  local deadline=$((SECONDS + engine_stop_patience_s))
  while kill -0 "$engine_pid" 2>/dev/null && ((SECONDS < deadline)); do sleep 0.2; done
  kill -KILL "$engine_pid" 2>/dev/null || true
  wait "$engine_pid" 2>/dev/null || true
  rm -rf "$engine_folder"
  engine_pid=
}

find_compose() {
  if docker compose version >/dev/null 2>&1; then
    POLLBUS_COMPOSE='docker compose'
  else
    command -v docker-compose >/dev/null || scripts/setup --packages --with docker-compose
    POLLBUS_COMPOSE=docker-compose
  fi
  export POLLBUS_COMPOSE
  echo "$POLLBUS_COMPOSE: $($POLLBUS_COMPOSE version --short)"
}
