import { type IncomingMessage } from 'node:http';
import { createGunzip } from 'node:zlib';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type FastifyInstance } from 'fastify';
import { type DynamicModule, type Type } from '@nestjs/common';
import { uuidv7 } from 'uuidv7';
import { ApiError } from '../kernel/errors';
import { type Callers } from '../identity/callers';
import { saneRequestId } from '../kernel/ids';
import { type RateLimits } from '../limits/rate-limits';
import { type Logger } from '../observability/logger';
import { authenticate } from './authentication';
import { parseJson } from '../intake/parse-json';
import { closeWhatBecomesIdle } from './closing';
import { answerCors } from './cors';
import { ErrorFilter, sendError } from './error.filter';
import { limitRequests } from './rate-limit';
import { type ApiReply, type ApiRequest, refuseNul } from './request';
import { openRoutes } from './scope-check';
import { securityHeaders } from './security-headers';
import { type HttpSettings } from './settings';

export interface ServerParts {
  settings: HttpSettings;
  callers: () => Callers;
  limits: () => RateLimits;
  isStopping: () => boolean;
  log: Logger;
}

/** The HTTP surface around a Nest module: bodies, request ids, authentication, error envelope, headers. */
export async function createServer(
  module: Type | DynamicModule,
  { settings, callers, limits, isStopping, log }: ServerParts,
): Promise<NestFastifyApplication> {
  const onFault = (error: unknown, requestId: string): void =>
    log.error({ err: error, request_id: requestId }, 'request failed');
  const adapter = new FastifyAdapter({
    // What Fastify refuses before it has found a route, such as a path that cannot be decoded.
    frameworkErrors: (error: Error, request: unknown, reply: unknown) =>
      sendError(request as ApiRequest, reply as ApiReply, error, onFault),
    bodyLimit: settings.maxBytes,
    genReqId: (request: IncomingMessage) => saneRequestId(request.headers['x-request-id']) ?? uuidv7(),
    // A slow client may take its time, but not for ever.
    requestTimeout: 120_000,
    forceCloseConnections: 'idle',
    // Until the last connection is gone, what comes is done: everything that is needed for it stands longer.
    return503OnClosing: false,
    trustProxy: settings.trustedProxies.length > 0 && [...settings.trustedProxies],
    routerOptions: { maxParamLength: 400 },
  });
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    bodyParser: false,
    logger: ['error', 'warn', 'fatal'],
    abortOnError: false,
  });
  app.useGlobalFilters(new ErrorFilter(onFault));
  const fastify = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  let authenticated: ((request: ApiRequest) => Promise<void>) | undefined;
  addHooks(fastify, settings, log, (request) => {
    authenticated ??= authenticate(callers(), openRoutes(app));
    return authenticated(request);
  });
  // Whoever keeps a connection opens the next one elsewhere.
  fastify.addHook('onRequest', async (_request, reply) => {
    if (isStopping()) void reply.header('connection', 'close');
  });
  limitRequests(fastify, limits);
  addParsers(fastify, settings);
  closeWhatBecomesIdle(fastify);
  return app;
}

function addHooks(
  fastify: FastifyInstance,
  settings: HttpSettings,
  log: Logger,
  authenticated: (request: ApiRequest) => Promise<void>,
): void {
  fastify.addHook('onRequest', async (request, reply) => {
    void reply.headers({ 'x-request-id': request.id, ...securityHeaders(request) });
    if (answerCors(request, reply, settings.corsOrigins)) return reply;
    await authenticated(request);
    refuseNul(request);
    return undefined;
  });
  fastify.addHook('preParsing', async (request, _reply, payload) => {
    const encoding = request.headers['content-encoding'];
    if (encoding === undefined || encoding === 'identity') return payload;
    if (encoding !== 'gzip') {
      const issue = 'must be gzip or absent';
      throw new ApiError('VALIDATION_ERROR', `content-encoding: ${issue}`, [
        { field: 'content-encoding', issue },
      ]);
    }
    const unzipped = createGunzip();
    let received = 0;
    payload.on('data', (chunk: Buffer) => (received += chunk.length));
    payload.on('error', (error) => unzipped.destroy(error));
    // Fastify compares what was received with content-length, which counts compressed bytes.
    Object.defineProperty(unzipped, 'receivedEncodedLength', { get: () => received });
    return payload.pipe(unzipped);
  });
  fastify.addHook('onResponse', async (request, reply) => {
    const line = {
      request_id: request.id,
      method: request.method,
      path: request.url.split('?')[0],
      status: reply.statusCode,
      duration_ms: Math.round(reply.elapsedTime),
      tenant_id: request.caller?.tenantId,
      actor: request.caller?.actor,
    };
    if (reply.statusCode >= 500) log.warn(line, 'request');
    else log.debug(line, 'request');
  });
}

function addParsers(fastify: FastifyInstance, { maxDepth, maxBytes }: HttpSettings): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer', bodyLimit: maxBytes },
    (_request, body, done) => {
      // An empty body is no body: POST …/cancel needs none.
      if (body.length === 0) return done(null, undefined);
      try {
        done(null, parseJson(body as Buffer, maxDepth));
      } catch (error) {
        done(error as Error);
      }
    },
  );
  fastify.addContentTypeParser('application/x-ndjson', (_request, payload, done) => done(null, payload));
}
