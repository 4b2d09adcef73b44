/** Parts of kafkajs that its types do not tell of. */
declare module 'kafkajs/src/network/requestQueue/index.js' {
  interface Queue {
    /** Requests that are not sent yet. */
    readonly pending: readonly unknown[];
    /** Has those that wait looked at again, when that makes sense. */
    scheduleCheckPendingRequests: (this: Queue) => void;
    /** Sends those whose time has come. */
    checkPendingRequests: (this: Queue) => void;
    /** The timer of the next look. */
    readonly throttleCheckTimeoutId: unknown;
  }
  const RequestQueue: { readonly prototype: Queue };
  export default RequestQueue;
}

declare module 'kafkajs/src/protocol/requests/metadata/v6/response.js' {
  interface Answer {
    readonly topicMetadata: readonly {
      readonly partitionMetadata: readonly { readonly partitionErrorCode: number; readonly leader: number }[];
    }[];
  }
  const response: {
    /** Throws the first error of a topic or partition. */
    parse: (answer: Answer) => Promise<Answer>;
  };
  export default response;
}

declare module 'kafkajs/src/broker/index.js' {
  interface Connected {
    /** Connects, asks the broker which requests it understands, and logs in. */
    connect: (this: Connected) => Promise<void>;
    /** Whether a connection is there, and logged in where that is asked for. */
    isConnected: (this: Connected) => boolean;
  }
  const Broker: { readonly prototype: Connected };
  export default Broker;
}
