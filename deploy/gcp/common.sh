# Sourced by the commands beside it: flags, and how Google Cloud is asked and changed.

readonly roles=(logger recorder machine)
readonly topic=election
readonly quarantine=$topic-quarantine
readonly submit_subscription=election-submit-sub
readonly record_subscription=election-record-sub
readonly repository=pollbus
readonly kubernetes_namespace=pollbus
readonly ack_deadline_s=10
readonly retention=7d
# A new service account is known everywhere only after a while.
readonly binding_tries=12
readonly binding_pause_s=5

dry_run=false
project=${GCP_PROJECT:-}
region=${GCP_REGION:-europe-west1}
arguments=()

fail() {
  printf '%s: %s\n' "$(basename "$0")" "$1" >&2
  exit "${2:-1}"
}

# parse_flags [FLAG]... -- "$@": the common flags, and a variable for each flag of the command's own
# (--platform sets $platform); what is no flag goes to $arguments.
parse_flags() {
  local own=()
  while [[ $1 != -- ]]; do own+=("$1"); shift; done
  shift
  while (($# > 0)); do
    case $1 in
      --dry-run) dry_run=true ;;
      --help) usage; exit 0 ;;
      --project | --region) printf -v "${1#--}" %s "${2:-}"; shift ;;
      --*)
        [[ " ${own[*]} " == *" $1 "* ]] || { usage >&2; fail "what is $1?" 2; }
        printf -v "${1#--}" %s "${2:-}"
        shift
        ;;
      *) arguments+=("$1") ;;
    esac
    shift || fail 'a flag lacks its value' 2
  done
  [[ $project =~ ^[a-z][a-z0-9-]{4,28}[a-z0-9]$ ]] ||
    fail "--project (or GCP_PROJECT): expected a project's id, not '$project'" 2
  [[ $region =~ ^[a-z]+-[a-z]+[0-9]+$ ]] || fail "--region (or GCP_REGION): expected a region, not '$region'" 2
  readonly dry_run project region
  readonly registry=$region-docker.pkg.dev/$project/$repository
}

# Runs a command and shows it; in a dry run, shows it only.
run() {
  printf '+%s\n' "$(printf ' %q' "$@")"
  $dry_run || "$@"
}

# looked_up COMMAND...: whether Google Cloud knows the thing; what it says goes to $found. Any answer
# but yes and no ends everything: to create what only could not be seen would be wrong.
found=
looked_up() {
  printf '?%s\n' "$(printf ' %q' "$@")"
  found=
  ! $dry_run || return 1
  local errors status=0
  errors=$(mktemp)
  found=$("$@" 2>"$errors") || status=$?
  if ((status != 0)) && ! grep -qiE 'NOT_FOUND|not found' "$errors"; then
    cat "$errors" >&2
    rm -f "$errors"
    fail 'Google Cloud did not answer the question above'
  fi
  rm -f "$errors"
  return $status
}

account_of() {
  printf 'pollbus-%s@%s.iam.gserviceaccount.com' "$1" "$project"
}

ensure_topic() {
  looked_up gcloud pubsub topics describe "$1" --project "$project" --format 'value(name)' ||
    run gcloud pubsub topics create "$1" --project "$project"
}

# ensure_subscription NAME TOPIC FILTER: filters cannot be changed, so one with another filter, or of
# another topic, is refused.
ensure_subscription() {
  local name=$1 of=$2 filter=$3
  if looked_up gcloud pubsub subscriptions describe "$name" --project "$project" \
    --format 'value(topic,filter)'; then
    local wanted=projects/$project/topics/$of$'\t'$filter
    [[ $found == "$wanted" ]] ||
      fail "subscription $name is '$found', not '$wanted', and cannot be changed: delete it, or find out whose it is"
    return
  fi
  local filter_flag=()
  [[ -z $filter ]] || filter_flag=(--message-filter "$filter")
  run gcloud pubsub subscriptions create "$name" --project "$project" --topic "$of" \
    "${filter_flag[@]}" --ack-deadline "$ack_deadline_s" --expiration-period never \
    --message-retention-duration "$retention"
}

ensure_service_account() {
  looked_up gcloud iam service-accounts describe "$(account_of "$1")" --project "$project" \
    --format 'value(email)' ||
    run gcloud iam service-accounts create "pollbus-$1" --project "$project" \
      --display-name "Pollbus voting $1"
}

# bind COMMAND...: adds to a policy, which changes nothing when it is there already.
bind() {
  printf '+%s\n' "$(printf ' %q' "$@")"
  ! $dry_run || return 0
  local errors try
  for ((try = 1; ; ++try)); do
    if errors=$("$@" 2>&1 >/dev/null); then return 0; fi
    if ((try == binding_tries)) || [[ $errors != *'does not exist'* ]]; then fail "$errors"; fi
    sleep "$binding_pause_s"
  done
}

may_publish() {
  bind gcloud pubsub topics add-iam-policy-binding "$2" --project "$project" \
    --member "serviceAccount:$(account_of "$1")" --role roles/pubsub.publisher
}

# May look at one subscription: whether it is there, with which filter.
may_see() {
  bind gcloud pubsub subscriptions add-iam-policy-binding "$2" --project "$project" \
    --member "serviceAccount:$(account_of "$1")" --role roles/pubsub.viewer
}

may_consume() {
  bind gcloud pubsub subscriptions add-iam-policy-binding "$2" --project "$project" \
    --member "serviceAccount:$(account_of "$1")" --role roles/pubsub.subscriber
  may_see "$1" "$2"
}
