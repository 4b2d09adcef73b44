# dbw as an image: Node, dbw and an init, and nothing else; no shell, no package manager, no npm.
#
#   docker build --tag dbw:0.1.0 --build-arg REVISION=$(git rev-parse HEAD) .
#   docker run --read-only --env-file dbw.env dbw:0.1.0                # dbw consume
#   docker run --read-only --env-file dbw.env dbw:0.1.0 dlq summary    # any other command
#
# The same line of Node in both stages: what is installed for one is run by the other.
ARG NODE_VERSION=24

FROM node:${NODE_VERSION}-trixie-slim AS build
RUN apt-get update && apt-get install --yes --no-install-recommends tini && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# No package needs a script of its own to be built: none is run.
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.js scripts/
COPY src/ src/
COPY bin/run.js bin/
RUN npm run build && npm prune --omit=dev --ignore-scripts
COPY LICENSE README.md ./
COPY migrations/ migrations/
# The tree of the image, whole. Without a shell there is no /usr/bin/env to look for node: dbw names it.
RUN mkdir -p /tree/app /tree/usr/local/bin \
 && cp -R bin dist migrations node_modules oclif.manifest.json package.json LICENSE README.md /tree/app/ \
 && sed -i '1s|.*|#!/nodejs/bin/node|' /tree/app/bin/run.js \
 && chmod 0755 /tree/app/bin/run.js \
 && ln -s /app/bin/run.js /tree/usr/local/bin/dbw \
 && cp /usr/bin/tini-static /tree/usr/local/bin/tini

FROM gcr.io/distroless/nodejs${NODE_VERSION}-debian13:nonroot
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="dbw" \
      org.opencontainers.image.description="Takes every event from Kafka and leaves it, once and exactly, in PostgreSQL" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
COPY --from=build /tree/ /
ENV NODE_ENV=production
# By number: Kubernetes cannot tell whether a name is root.
USER 65532:65532
WORKDIR /app
EXPOSE 3010
# Asks what the process knows itself: an outage of a server is no reason to restart it. A port or an address of its own is
# found too.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["/nodejs/bin/node", "-e", "const { env, exit } = process; require('http').get({ host: env.DB_WRITER_SERVICE_HOST || '127.0.0.1', port: env.DB_WRITER_SERVICE_PORT || env.PORT || 3010, path: '/livez' }, ({ statusCode }) => exit(statusCode === 200 ? 0 : 1)).on('error', () => exit(1))"]
# As the first process of its container Node would not hear a SIGTERM that comes before dbw listens for it.
ENTRYPOINT ["/usr/local/bin/tini", "--", "/usr/local/bin/dbw"]
CMD ["consume"]
