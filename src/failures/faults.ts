import type { Fault } from './fault.js';
import { POSTGRES_FAULTS } from '../postgres/faults.js';
import { TLS_FAULTS } from './tls.js';

/** Errors of sockets, of whichever server, and of the libraries that own them. */
const NETWORK: readonly Fault[] = [
  {
    of: 'code',
    match: ['ECONNREFUSED'],
    class: 'transient',
    reason: 'nothing listens there',
    reconnect: true,
    remedy: 'Start the server, or correct its host and port.',
  },
  {
    of: 'code',
    match: [
      ...['ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END'],
      'ERR_SOCKET_CLOSED',
    ],
    class: 'transient',
    reason: 'the connection was cut',
    reconnect: true,
  },
  { of: 'code', match: ['ETIMEDOUT'], class: 'transient', reason: 'no answer in time', reconnect: true },
  {
    of: 'code',
    match: [
      ...['EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN', 'ENETRESET', 'EADDRNOTAVAIL', 'ENOTFOUND'],
      'EAI_AGAIN',
    ],
    class: 'transient',
    reason: 'the server cannot be reached or its name not resolved',
    reconnect: true,
    remedy: 'Look at the network and at the name service, or correct the host.',
  },
];

/** What libraries say for which there is no code. */
const LIBRARIES: readonly Fault[] = [
  {
    of: 'message', // pg and its pool, which have no codes
    match: [
      'Connection terminated',
      'Client has encountered a connection error and is not queryable',
      'Client was closed and is not queryable',
      'server closed the connection',
    ],
    class: 'transient',
    reason: 'the connection to PostgreSQL broke',
    reconnect: true,
  },
  {
    of: 'message', // pg and its pool
    match: ['Query read timeout', 'timeout expired', 'timeout exceeded when trying to connect'],
    class: 'transient',
    reason: 'PostgreSQL did not answer in time',
    reconnect: true,
  },
  {
    of: 'message', // pg
    match: ['SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be'],
    class: 'systemic',
    reason: 'PostgreSQL asks for a password, and none is set',
    remedy: 'Set DB_PASSWORD.',
  },
  {
    of: 'name', // kafkajs
    match: [
      ...['KafkaJSConnectionError', 'KafkaJSConnectionClosedError', 'KafkaJSRequestTimeoutError', 'KafkaJSTimeout'],
      ...['KafkaJSLockTimeout', 'KafkaJSBrokerNotFound', 'KafkaJSNoBrokerAvailableError', 'KafkaJSMetadataNotLoaded'],
      ...['KafkaJSTopicMetadataNotLoaded', 'KafkaJSStaleTopicMetadataAssignment', 'KafkaJSGroupCoordinatorNotFound'],
      'KafkaJSFetcherRebalanceError',
    ],
    class: 'transient',
    reason: 'the broker does not answer, or does not yet know its way',
    reconnect: true,
  },
  {
    of: 'code', // kafkajs: what brokers answer
    match: [
      ...['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE', 'NOT_LEADER_FOR_PARTITION', 'REQUEST_TIMED_OUT'],
      ...['BROKER_NOT_AVAILABLE', 'REPLICA_NOT_AVAILABLE', 'NETWORK_EXCEPTION', 'GROUP_LOAD_IN_PROGRESS'],
      ...['GROUP_COORDINATOR_NOT_AVAILABLE', 'NOT_COORDINATOR_FOR_GROUP', 'NOT_ENOUGH_REPLICAS', 'NOT_CONTROLLER'],
      ...['NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'KAFKA_STORAGE_ERROR', 'FENCED_LEADER_EPOCH', 'UNKNOWN_LEADER_EPOCH'],
      ...['LISTENER_NOT_FOUND', 'PREFERRED_LEADER_NOT_AVAILABLE', 'ELIGIBLE_LEADERS_NOT_AVAILABLE', 'THROTTLING'],
      ...['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'MEMBER_ID_REQUIRED'],
    ],
    class: 'transient',
    reason: 'the brokers are changing leaders, or the group its members',
  },
  {
    of: 'name', // kafkajs
    match: ['KafkaJSSASLAuthenticationError'],
    class: 'systemic',
    reason: 'Kafka does not let us in',
    remedy: 'Correct KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME or KAFKA_SASL_PASSWORD.',
  },
  {
    of: 'code', // kafkajs: what brokers answer
    match: [
      ...['TOPIC_AUTHORIZATION_FAILED', 'GROUP_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED'],
      ...['SASL_AUTHENTICATION_FAILED', 'UNSUPPORTED_SASL_MECHANISM', 'ILLEGAL_SASL_STATE', 'SECURITY_DISABLED'],
    ],
    class: 'systemic',
    reason: 'Kafka does not let us do this',
    remedy: 'Correct the settings KAFKA_SASL_*, or give the user its rights on topics and group.',
  },
  {
    of: 'message', // ioredis
    match: [
      ...['Connection is closed.', 'Command timed out', "Stream isn't writeable", 'Socket timeout.'],
      ...['Reached the max retries per request limit', 'Command aborted due to connection close'],
      // Redis itself
      ...['LOADING ', 'MASTERDOWN ', 'READONLY ', 'CLUSTERDOWN ', 'TRYAGAIN ', 'BUSY '],
    ],
    class: 'transient',
    reason: 'Redis is away or not ready; nothing depends on it',
  },
  {
    of: 'message', // Redis itself
    match: ['NOAUTH ', 'WRONGPASS ', 'NOPERM ', 'Ready check failed: NOAUTH '],
    class: 'systemic',
    reason: 'Redis does not let us in; nothing depends on it',
    remedy: 'Correct REDIS_USERNAME and REDIS_PASSWORD, or the rights of that user.',
  },
  {
    of: 'name', // Node.js: AbortSignal.timeout
    match: ['TimeoutError'],
    class: 'transient',
    reason: 'no answer in time',
    reconnect: true,
  },
  {
    of: 'name', // our own, on connecting
    match: ['AwayError'],
    class: 'transient',
    reason: 'a server does not answer',
    reconnect: true,
  },
];

/** The table of errors. What no row matches is `unknown`. */
export const FAULTS: readonly Fault[] = [...POSTGRES_FAULTS, ...NETWORK, ...TLS_FAULTS, ...LIBRARIES];
