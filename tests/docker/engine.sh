# shellcheck shell=bash disable=SC2034,SC2154  # run shares its variables with this file
# Sourced by run: finds a running Docker engine, or starts one that ends with the test.

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
    engine_ready=existing
    echo "Using the running Docker engine $(docker version --format '{{.Server.Version}}')."
    return
  fi
  ((EUID == 0)) || fail 'no Docker engine is running. Start one, or run this as root, which starts one for the test.'
  command -v dockerd >/dev/null || scripts/setup --packages --with docker-engine
  # Some kernels lack what Docker's firewall rules need. Without these rules, networks are not isolated.
  start_engine || start_engine --iptables=false --ip6tables=false || {
    tail -n "$error_lines" "$state/engine.log" >&2
    fail "the Docker engine does not start. Its log: $state/engine.log"
  }
  engine_ready=started
}

start_engine() {
  # The path of a socket must be short.
  engine_folder=$(mktemp -d /tmp/pollbus-docker.XXXXXX)
  # In a mount namespace of its own, because the engine leaves exec/netns/default mounted when it ends
  # after a container has used the host's network. The mount ends with the namespace.
  setsid unshare --mount dockerd --data-root "$state/engine" --exec-root "$engine_folder/exec" \
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
  echo "Started Docker engine $(docker version --format '{{.Server.Version}}') for this test${*:+ with $*}."
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
