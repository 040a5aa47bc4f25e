# shellcheck shell=bash disable=SC2034,SC2154  # run shares its variables with this file
# Sourced by run: copies the checkout, plants secrets in the copy, and builds all images from it.

readonly pull_patience_s=180
readonly build_stage=pollbus-build:test
readonly profiles=(--profile demo --profile people --profile office --profile pedestrian --profile pedestrian-scenes)
network=()

# The images are built from a copy, so that the checkout's own secrets are not touched. The copy contains
# every kind of secret file that a checkout may contain; none may get into an image.
copy_tree() {
  rm -rf "$tree"
  mkdir -p "$tree"
  tar -c --exclude=./build --exclude=./node_modules --exclude=./.demo --exclude=./.git \
    --exclude=./deploy/.env --exclude=./deploy/secrets . | tar -x -C "$tree"
  context_digest=$(digest)
  "$tree/scripts/secrets"
  local path
  for path in .env deploy/docker/.env src/.env src/bus/credentials.json.key scripts/setup.d/logger.key \
    deploy/docker/service-account.pem sql/machine.journal cmake/recorder.key deploy/credentials.json; do
    printf 'lies-about-%s\n' "$(od -An -v -tx1 -N16 /dev/urandom | tr -d ' \n')" >"$tree/$path"
  done
}

# A digest of all files in the build context.
digest() {
  (
    cd "$tree" || exit
    sed -n 's/^!//p' .dockerignore | xargs tar -c --sort=name --mtime=@0 --owner=0 --group=0 | sha256sum
  ) | cut -d ' ' -f 1
}

ensure_base_image() {
  if ! docker image inspect "$base_image" >/dev/null 2>&1 &&
    ! timeout $pull_patience_s docker pull "$base_image" >"$state/pull.log" 2>&1; then
    echo "Cannot pull $base_image: $(tail -n 1 "$state/pull.log" | cut -c1-120)"
    ((EUID == 0)) || fail "creating $base_image with debootstrap needs root"
    command -v debootstrap >/dev/null || scripts/setup --packages --with docker-base-image
    [[ -s $state/base.tar ]] || step 'base image' make_base_tar
    docker import --change "LABEL $base_label=created" --change 'CMD ["bash"]' "$state/base.tar" "$base_image" >/dev/null
  fi
  # Without access to a registry, only the host's network has access to the package mirrors.
  if [[ $(docker image inspect --format "{{index .Config.Labels \"$base_label\"}}" "$base_image") == created ]]; then
    network=(--network host)
    for name in $(compose_services); do printf '  %s: { build: { network: host } }\n' "$name"; done |
      { echo 'services:'; cat; } >"$tree/deploy/network.yaml"
    export COMPOSE_FILE=$tree/deploy/compose.yaml:$tree/deploy/network.yaml
  else
    export COMPOSE_FILE=$tree/deploy/compose.yaml
  fi
}

# Like Debian's slim image: without documentation, and dpkg does not sync to disk.
make_base_tar() {
  local folder
  folder=$(mktemp -d "$state/base.XXXXXX")
  debootstrap --variant=minbase bookworm "$folder"
  cp -r /usr/local/share/ca-certificates "$folder/usr/local/share/" || true
  echo force-unsafe-io >"$folder/etc/dpkg/dpkg.cfg.d/docker-apt-speedup"
  printf 'path-%s\n' 'exclude /usr/share/doc/*' 'include /usr/share/doc/*/copyright' \
    'exclude /usr/share/man/*' 'exclude /usr/share/locale/*' >"$folder/etc/dpkg/dpkg.cfg.d/docker"
  rm -rf "$folder"/var/cache/apt/archives/*.deb "$folder"/var/lib/apt/lists/*
  tar -C "$folder" -c . >"$state/base.tar.new"
  rm -rf --one-file-system "$folder"
  mv "$state/base.tar.new" "$state/base.tar"
}

compose_services() {
  sed -n '/^services:/,/^[^ ]/ s/^  \([a-z-]*\):\( &.*\)\{0,1\}$/\1/p' "$tree/deploy/compose.yaml"
}

# Builds the last compiling stage from scratch, and then all images the way a user builds them. After an
# interrupted run with the same files, the layers that exist are used again.
build_images() {
  local cache=(--no-cache)
  [[ $(cat "$state/begun" 2>/dev/null) != "$context_digest" ]] || cache=()
  if [[ $(cat "$state/built" 2>/dev/null) != "$context_digest" ]] ||
    ! docker image inspect "$build_stage" >/dev/null 2>&1; then
    echo "$context_digest" >"$state/begun"
    step 'build from scratch' docker build "${network[@]}" "${cache[@]}" --target pedestrian-build \
      --tag "$build_stage" --file "$tree/deploy/docker/Dockerfile" "$tree"
    echo "$context_digest" >"$state/built"
  fi
  # shellcheck disable=SC2086  # the Compose command may be two words
  POLLBUS_VERSION=$version step 'compose build' $POLLBUS_COMPOSE "${profiles[@]}" build
}

remove_containers() {
  [[ -n ${COMPOSE_FILE:-} && -n ${POLLBUS_COMPOSE:-} ]] || return 0
  docker ps --all --quiet --filter "label=com.docker.compose.project=$project" |
    xargs -r docker rm --force --volumes >/dev/null
  POLLBUS_VERSION=$version COMPOSE_PROJECT_NAME=$project $POLLBUS_COMPOSE "${profiles[@]}" down \
    --volumes --remove-orphans >/dev/null 2>&1 || true
}

remove_images() {
  [[ $engine_ready == existing ]] || return 0
  docker images --quiet --filter "reference=pollbus/*:$version" --filter "reference=$build_stage" |
    sort -u | xargs -r docker rmi --force >/dev/null || true
  if ((${#network[@]} > 0)); then docker rmi "$base_image" >/dev/null || true; fi
}
