# shellcheck shell=bash disable=SC2034
# Sourced by the commands beside it: flags, and how they read and change Google Cloud.

readonly roles=(logger recorder office)
readonly topic=election
readonly quarantine=$topic-quarantine
readonly submit_subscription=election-submit-sub
readonly record_subscription=election-record-sub
readonly logger_office_subscription=election-logger-office-sub
readonly recorder_office_subscription=election-recorder-office-sub
# The rights for the subscription that each run of election-office creates and deletes.
readonly office_role=pollbusOffice
readonly office_permissions=pubsub.subscriptions.create,pubsub.subscriptions.get,pubsub.subscriptions.consume,pubsub.subscriptions.delete,pubsub.topics.attachSubscription
readonly repository=pollbus
readonly kubernetes_namespace=pollbus
# How many topics carry the results (docs/scale.md); 0: all messages are on the one topic.
readonly result_topics=${RESULT_TOPICS:-0}
readonly ack_deadline_s=10
readonly retention=7d
# It takes a while until all of Google Cloud knows a new service account.
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

# parse_flags [FLAG]... -- "$@": parses the common flags and the command's own FLAGs, whose values
# become variables (--platform sets $platform). Everything else goes to $arguments.
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
        [[ " ${own[*]} " == *" $1 "* ]] || { usage >&2; fail "unknown flag $1" 2; }
        printf -v "${1#--}" %s "${2:-}"
        shift
        ;;
      *) arguments+=("$1") ;;
    esac
    shift || fail 'a flag has no value' 2
  done
  [[ $project =~ ^[a-z][a-z0-9-]{4,28}[a-z0-9]$ ]] ||
    fail "--project (or GCP_PROJECT): expected a project ID, not '$project'" 2
  [[ $region =~ ^[a-z]+-[a-z]+[0-9]+$ ]] || fail "--region (or GCP_REGION): expected a region, not '$region'" 2
  readonly dry_run project region
  readonly registry=$region-docker.pkg.dev/$project/$repository
}

# Prints a command and runs it, except in a dry run.
run() {
  printf '+%s\n' "$(printf ' %q' "$@")"
  $dry_run || "$@"
}

# exists COMMAND...: whether COMMAND, a "describe", finds its resource; its output goes to $found.
# Ends the program on any other error: a resource that could not be read may exist.
found=
exists() {
  printf '?%s\n' "$(printf ' %q' "$@")"
  found=
  ! $dry_run || return 1
  local errors status=0
  errors=$(mktemp)
  found=$("$@" 2>"$errors") || status=$?
  if ((status != 0)) && ! grep -qiE 'NOT_FOUND|not found' "$errors"; then
    cat "$errors" >&2
    rm -f "$errors"
    fail 'the command above failed'
  fi
  rm -f "$errors"
  return $status
}

account_of() {
  printf 'pollbus-%s@%s.iam.gserviceaccount.com' "$1" "$project"
}

ensure_topic() {
  exists gcloud pubsub topics describe "$1" --project "$project" --format 'value(name)' ||
    run gcloud pubsub topics create "$1" --project "$project"
}

# result_topic MACHINE: the topic of the machine's results.
result_topic() {
  if ((result_topics == 0)); then printf '%s' "$topic"; else printf '%s' "$topic-results-$(($1 % result_topics))"; fi
}

# ensure_subscription NAME TOPIC FILTER: a filter cannot be changed, so an existing subscription with
# another filter or topic is an error.
ensure_subscription() {
  local name=$1 of=$2 filter=$3
  if exists gcloud pubsub subscriptions describe "$name" --project "$project" \
    --format 'value(topic,filter)'; then
    local wanted=projects/$project/topics/$of$'\t'$filter
    [[ $found == "$wanted" ]] ||
      fail "subscription $name has topic and filter '$found', not '$wanted', and they cannot be changed: delete it if nothing else uses it"
    return
  fi
  local filter_flag=()
  [[ -z $filter ]] || filter_flag=(--message-filter "$filter")
  run gcloud pubsub subscriptions create "$name" --project "$project" --topic "$of" \
    "${filter_flag[@]}" --ack-deadline "$ack_deadline_s" --expiration-period never \
    --message-retention-duration "$retention"
}

ensure_service_account() {
  exists gcloud iam service-accounts describe "$(account_of "$1")" --project "$project" \
    --format 'value(email)' ||
    run gcloud iam service-accounts create "pollbus-$1" --project "$project" \
      --display-name "Pollbus $1"
}

ensure_office_role() {
  exists gcloud iam roles describe "$office_role" --project "$project" --format 'value(name)' ||
    run gcloud iam roles create "$office_role" --project "$project" --title 'Pollbus office' \
      --permissions "$office_permissions"
  bind gcloud projects add-iam-policy-binding "$project" --condition None \
    --member "serviceAccount:$(account_of office)" --role "projects/$project/roles/$office_role"
}

# bind COMMAND...: adds a binding to a policy; adding it again changes nothing.
bind() {
  printf '+%s\n' "$(printf ' %q' "$@")"
  ! $dry_run || return 0
  local errors try
  for ((try = 1; ; ++try)); do
    if errors=$("$@" 2>&1 >/dev/null); then return 0; fi
    # Waiting does not help: the pool appears with the project's first cluster.
    [[ $errors != *'Identity Pool does not exist'* ]] ||
      fail "the project has no cluster with workload identity yet: create the cluster, then run this again"
    if ((try == binding_tries)) || [[ $errors != *'does not exist'* ]]; then fail "$errors"; fi
    sleep "$binding_pause_s"
  done
}

may_publish() {
  bind gcloud pubsub topics add-iam-policy-binding "$2" --project "$project" \
    --member "serviceAccount:$(account_of "$1")" --role roles/pubsub.publisher
}

# The right to read one subscription's settings, such as its filter.
may_view() {
  bind gcloud pubsub subscriptions add-iam-policy-binding "$2" --project "$project" \
    --member "serviceAccount:$(account_of "$1")" --role roles/pubsub.viewer
}

may_consume() {
  bind gcloud pubsub subscriptions add-iam-policy-binding "$2" --project "$project" \
    --member "serviceAccount:$(account_of "$1")" --role roles/pubsub.subscriber
  may_view "$1" "$2"
}
