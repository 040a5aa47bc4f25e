# shellcheck shell=bash disable=SC2034
# Sourced by backup and restore: flags, and access to the two stores in Compose and in Kubernetes.

readonly namespace=pollbus
readonly database=election
readonly in_flight_patience_s=60
readonly store_patience_s=300

kubernetes=false
marks_file=
votes_file=
compose=()

fail() {
  printf '%s: %s\n' "$(basename "$0")" "$1" >&2
  exit "${2:-1}"
}

log() {
  printf '%s\n' "$*" >&2
}

parse_flags() {
  while (($# > 0)); do
    case $1 in
      --marks) marks_file=${2:-}; shift ;;
      --votes) votes_file=${2:-}; shift ;;
      --kubernetes) kubernetes=true ;;
      --help) usage; exit 0 ;;
      *) usage >&2; fail "unknown argument $1" 2 ;;
    esac
    shift || fail 'a flag has no value' 2
  done
  [[ -n $marks_file && -n $votes_file ]] || { usage >&2; exit 2; }
  readonly kubernetes marks_file votes_file
  $kubernetes || find_compose
}

find_compose() {
  if docker compose version >/dev/null 2>&1; then compose=(docker compose); else compose=(docker-compose); fi
  # Compose reads COMPOSE_FILE itself; tests set it.
  [[ -n ${COMPOSE_FILE:-} ]] || compose+=(-f "$(dirname "${BASH_SOURCE[0]}")/../compose.yaml")
}

declare -A container_of=()
find_stores() {
  local store
  for store in redis postgres; do
    container_of[$store]=$store-0
    $kubernetes || container_of[$store]=$("${compose[@]}" ps --quiet "$store")
    [[ -n ${container_of[$store]} ]] || fail "$store has no container"
  done
}

# on redis|postgres COMMAND...: runs COMMAND in the store's container.
on() {
  if $kubernetes; then
    kubectl --namespace "$namespace" exec --stdin "${container_of[$1]}" -- "${@:2}"
  else
    docker exec --interactive "${container_of[$1]}" "${@:2}"
  fi
}

sql() {
  on postgres psql -U postgres -d "$database" -X -A -t -v ON_ERROR_STOP=1 -c "$1" </dev/null
}

count_marks() {
  on redis redis-ask dbsize </dev/null | tr -d '\r' | grep -xE '[0-9]+'
}

# False until a recorder has created its tables.
has_tables() {
  [[ -n $(sql "SELECT to_regclass('votes')") ]]
}

count_votes() {
  sql 'SELECT count(*) FROM votes' | tr -d '\r' | grep -xE '[0-9]+'
}
