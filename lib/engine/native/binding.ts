/** What the addon (native/node/) gives to JavaScript: plain calls for everything that is not in the rings. */

/** EngineTls as the core takes it. */
export interface NativeTlsOptions {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly passphrase: string | undefined;
  readonly serverName: string | undefined;
  readonly ciphers: string | undefined;
  /** Protocols, separated by commas. */
  readonly alpn: string | undefined;
  readonly minVersion: 12 | 13;
  /** 0: no limit. */
  readonly maxVersion: 0 | 12 | 13;
  readonly insecureSkipVerify: boolean;
}

/** mqn_open_options. Read once, at the call. */
export interface NativeOpenOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: NativeTlsOptions | undefined;
  readonly protocolVersion: 4 | 5;
  readonly cleanStart: boolean;
  readonly keepAlive: number;
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: Uint8Array | undefined;
  readonly properties: Uint8Array | undefined;
  readonly willTopic: string | undefined;
  readonly willPayload: Uint8Array | undefined;
  readonly willQos: number;
  readonly willRetain: boolean;
  readonly willProperties: Uint8Array | undefined;
  readonly receiveMaximum: number;
  readonly maximumPacketSize: number;
  readonly topicAliasMaximum: number;
  readonly outgoingAliases: number;
  readonly window: number;
  readonly connectTimeout: number;
}

/** One environment of the core: three rings, shared by all native clients of this thread. Numbers returned are MQN_OK or MQN_ERR_*. */
export interface NativeBinding {
  /** The new client's number, or MQN_ERR_*. */
  createClient(): number;
  open(client: number, options: NativeOpenOptions): number;
  subscribe(client: number, slot: number, filters: readonly string[], options: Uint8Array, properties: Uint8Array | undefined): number;
  unsubscribe(client: number, slot: number, filters: readonly string[], properties: Uint8Array | undefined): number;
  close(client: number, reasonCode: number, properties: Uint8Array | undefined): number;
  destroyClient(client: number): number;
  wake(): void;
  /** Copies a payload out of JavaScript and writes its address into the submission ring at this place; its bytes. Throws without memory. */
  putLarge(place: number, payload: Uint8Array | string): number;
  /** Takes over the payload whose address stands in the message ring at this place. */
  takeLarge(place: number, length: number): ArrayBuffer;
  /** Copies it, as many bytes as the slab has, and gives it back. */
  copyLarge(place: number, slab: Uint8Array): void;
  /** Whether the environment keeps the process alive. It starts unref'ed. */
  ref(): void;
  unref(): void;
  /** Ends every client without DISCONNECT; afterwards nobody touches the rings. Calls return MQN_ERR_STATE from then on. */
  dispose(): void;
}

export interface NativeAddon {
  /** mqn_version(). */
  readonly version: string;
  /** mqn_processor(). */
  readonly processor: string;
  createEnvironment(
    control: Int32Array,
    submissions: Uint8Array,
    completions: Int32Array,
    messages: Uint8Array,
    onWake: () => void,
    logLevel: number,
  ): NativeBinding;
}
