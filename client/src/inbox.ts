import { type Callback, type ReceivedHeaders, verifyCallback, type VerifyOptions } from './signature.js';

/**
 * Where a server of yours hands over the callbacks it gets, so that `waitFor` ends with them and not with its next
 * look. A callback may be lost, or go to another of your processes: who waits looks now and then all the same.
 */
export class CallbackInbox {
  private readonly waiting = new Map<string, Set<() => void>>();

  constructor(
    private readonly secrets: string | readonly string[],
    private readonly options: VerifyOptions = {},
  ) {}

  /**
   * The callback, verified; whoever waits for its job or batch looks at once. Answer the request with a 2xx.
   * @throws SignatureError: answer 401
   */
  receive(headers: ReceivedHeaders, body: string | Uint8Array): Callback {
    const callback = verifyCallback(headers, body, this.secrets, this.options);
    const id = callback.event_type === 'batch.completed' ? callback.batch_id : callback.distribution_id;
    for (const wake of this.waiting.get(id) ?? []) wake();
    return callback;
  }

  /** Calls `wake` at every callback about the job or batch, until the function that is returned is called. */
  watch(id: string, wake: () => void): () => void {
    const watchers = this.waiting.get(id) ?? new Set();
    this.waiting.set(id, watchers.add(wake));
    return () => {
      watchers.delete(wake);
      if (watchers.size === 0) this.waiting.delete(id);
    };
  }
}
