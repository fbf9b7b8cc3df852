/** Everything `doctor` says, in English. zh.ts has the same keys; `{name}` is filled in, and both languages use the same ones. */
export const en = {
  words: {
    ok: '[ ok ]',
    warning: '[warn]',
    failed: '[FAIL]',
    skipped: '[skip]',
    colon: ': ',
    semicolon: '; ',
    heading: '{title} ({id})',
    cause: 'Cause',
    remedy: 'Remedy',
    problem: 'Problem',
    note: 'Note',
    warned: 'Warning',
    seeStep: 'see "{step}" above',
    notNeeded: 'not needed here',
    outOfTime: 'not done: the time of --timeout was over',
    skippedAfter: 'not done, since "{step}" has failed',
    allGood: 'Result: no problem was found.',
    warnings: 'Result: it works, with {count} warning(s): {ids}',
    problems: 'Result: {count} problem(s): {ids}',
    unfinished: 'Result: the time was over before everything was tried.',
    noUrl: 'No server was looked at: give its URL to have it checked, for example "mqtt-native doctor mqtts://host:8883".',
    yes: 'yes',
    no: 'no',
    password: 'Password: ',
  },
  steps: {
    host: 'This machine',
    engine: 'Engine',
    dns: 'Host name (DNS)',
    tcp: 'TCP connection',
    proxy: 'Proxy',
    tls: 'TLS',
    connect: 'MQTT connection',
    subscribe: 'Subscribe',
    publish: 'Publish',
    receive: 'Message comes back',
  },
  facts: {
    platform: 'Platform',
    libc: 'C library',
    distribution: 'System',
    uos: 'UOS edition',
    loongarchWorld: 'LoongArch world',
    runtime: 'Runtime',
    napi: 'Node-API',
    target: 'Prebuilt addon for it',
    package: 'mqtt-native',
    native: 'Native engine loads',
    file: 'File',
    core: 'Core',
    paho: 'Paho C',
    libuv: 'libuv',
    openssl: 'OpenSSL of the addon',
    mqttjs: 'mqtt.js',
    nodeOpenssl: 'OpenSSL of Node.js',
    variable: 'MQTT_NATIVE_ENGINE',
    attempts: 'Tried',
    host: 'Host',
    port: 'Port',
    addresses: 'Addresses',
    reached: 'Reached',
    variables: 'Proxy variables',
    bypassed: 'no_proxy names the host',
    direct: 'Direct connection works',
    protocol: 'Protocol',
    cipher: 'Cipher',
    serverName: 'Name asked for',
    verification: 'Verification',
    clientCertificate: 'Client certificate shown',
    chain: 'Certificates',
    engine: 'Engine',
    mqtt: 'MQTT version',
    clientId: 'Client identifier',
    credentials: 'User name given',
    sessionPresent: 'Session present',
    maximumQoS: 'Highest QoS',
    reasonCode: 'Reason code',
    reason: 'The server says',
    error: 'Error',
    speaks: 'What the port speaks',
    topic: 'Topic',
    qos: 'QoS',
    roundTrip: 'Milliseconds there and back',
    address: 'Address',
    result: 'Result',
    ms: 'Milliseconds',
    subject: 'Subject',
    issuer: 'Issuer',
    from: 'Valid from',
    to: 'Valid to',
    names: 'Names',
    sha256: 'SHA-256',
  },
  findings: {
    'native-missing': {
      cause: 'There is no native addon for this platform ({target}) in this installation. The js engine serves instead, with the same API.',
      remedy: 'If the platform is one of those in docs/platforms.md, install again ("npm install mqtt-native") and see that the folder prebuilds/ is not left out by a bundler or copy step. Otherwise build it from a clone ("npm run build"), or leave it at the js engine.',
    },
    'native-libc': {
      cause: 'The native addon needs a newer or another C library than this system has: {detail}. The js engine serves instead.',
      remedy: 'Use a system with glibc 2.28 or later (musl: the musl addon), build the addon on this system from a clone ("npm run build"), or leave it at the js engine.',
    },
    'native-refused': {
      cause: 'The system did not permit the addon {file} to be loaded. UOS does so with binaries that are not signed, and a mount with "noexec" does, too. The js engine serves instead.',
      remedy: 'Have the file signed or let the security center permit it (UOS: developer mode), or move node_modules to a file system without "noexec". The js engine needs nothing of this.',
    },
    'native-disabled': {
      cause: 'Node.js was told to load no addons (--no-addons, or the permission model without --allow-addons). The js engine serves instead.',
      remedy: 'Start Node.js without --no-addons, or with --allow-addons; or leave it at the js engine.',
    },
    'native-wrong-file': {
      cause: 'The addon {file} is broken, of another version, or made for another processor or system: {detail}. The js engine serves instead.',
      remedy: 'Delete node_modules and install again on this machine: node_modules must not be copied from another kind of machine.',
    },
    'native-old-world': {
      cause: 'This is a LoongArch system of the old world (UOS V20); the addon is made for the new world, and neither loads binaries of the other. The js engine serves instead.',
      remedy: 'Leave it at the js engine, or build the addon on this system from a clone ("npm run build").',
    },
    'native-not-loaded': {
      cause: 'The native addon was not loaded: {detail}. The js engine serves instead.',
      remedy: 'See the file and the message above. Install again, or leave it at the js engine.',
    },
    'js-missing': {
      cause: 'The js engine cannot serve: {detail}. Nothing takes over where the native engine cannot.',
      remedy: 'Install the package mqtt, 5.16.0 or a later 5.x: "npm install mqtt@5".',
    },
    'engine-none': {
      cause: 'No engine can serve: neither the native addon nor mqtt.js was loaded.',
      remedy: 'Delete node_modules and run "npm install" again.',
    },
    'engine-asked-for': {
      cause: 'MQTT_NATIVE_ENGINE asks for the engine "{engine}", and that one cannot serve: {detail}',
      remedy: 'Unset MQTT_NATIVE_ENGINE, so that the other engine takes over, or see to the cause.',
    },
    'engine-variable': {
      cause: 'MQTT_NATIVE_ENGINE is neither "native" nor "js": no client can connect.',
      remedy: 'Unset it or correct it.',
    },
    'dns-not-found': {
      cause: 'The name {host} does not exist.',
      remedy: 'Look for a mistake in the name. If it is a name of your own network, see that this machine uses the DNS server of that network (VPN), or put it into the hosts file.',
    },
    'dns-no-answer': {
      cause: 'No DNS server has answered when asked for {host} ({code}).',
      remedy: 'See that this machine has a network, and a DNS server that can be reached (/etc/resolv.conf). Try an IP address in place of the name.',
    },
    'dns-failed': {
      cause: 'The name {host} was not resolved ({code}).',
      remedy: 'Look at the name and at the DNS settings of this machine.',
    },
    'tcp-refused': {
      cause: 'The machine {host} is there, and nobody listens on its port {port}.',
      remedy: 'See that the broker runs and listens on that address and not on 127.0.0.1 only, and that the port is right: 1883 is usual for mqtt://, 8883 for mqtts://. A firewall that rejects looks the same.',
    },
    'tcp-timeout': {
      cause: '{host}:{port} has not answered in time.',
      remedy: 'Mostly a firewall or a security group that drops the packets, or a machine that is switched off. Open port {port} on the way there.',
    },
    'tcp-unreachable': {
      cause: 'There is no way from here to {host}:{port} ({code}).',
      remedy: 'Look at network, routes and VPN of this machine. If only IPv6 addresses were found, this machine may have no IPv6.',
    },
    'tcp-failed': {
      cause: 'No TCP connection to {host}:{port} was made ({code}).',
      remedy: 'Look at network and firewall between here and there.',
    },
    'tcp-some-failed': {
      cause: 'Not every address of {host} accepts connections: {addresses}.',
      remedy: 'Clients go on to the next address, which may cost time. Let the broker listen on all of them, or take the address out of DNS.',
    },
    'proxy-not-used': {
      cause: 'There are proxy variables ({variables}). mqtt-native does not use proxies: it connects directly, and that works here.',
      remedy: 'Nothing is to be done.',
    },
    'proxy-needed': {
      cause: 'There are proxy variables ({variables}), mqtt-native does not use proxies, and the direct connection does not work: this network perhaps lets nothing out but through its proxy.',
      remedy: 'Ask for direct access to {host}:{port}, or put a TCP relay or a broker with a bridge into this network.',
    },
    'certificate-expired': {
      cause: 'The certificate {subject} has expired on {date}.',
      remedy: 'Renew it on the server and restart or reload the broker. If that date is not past, the clock of this machine is wrong.',
    },
    'certificate-not-yet-valid': {
      cause: 'The certificate {subject} is not valid before {date}.',
      remedy: 'Mostly the clock of this machine is wrong (it says {now}): set it, by NTP if possible.',
    },
    'certificate-expires-soon': {
      cause: 'The certificate {subject} expires on {date}.',
      remedy: 'Renew it in time.',
    },
    'certificate-wrong-host': {
      cause: 'The certificate is not for {host}: it is for {names}.',
      remedy: 'Connect by a name that is in the certificate, or have one made that names {host}. Where the certificate is right and the address has to differ, the option tls.servername says which name to expect.',
    },
    'certificate-self-signed': {
      cause: 'The server has a self-signed certificate ({subject}) that nobody here trusts.',
      remedy: 'If it is the server you mean, give its certificate as authority: --ca server.pem (in a program tls.ca). Do not switch verification off.',
    },
    'certificate-unknown-authority': {
      cause: 'The certificate comes from an authority that is not trusted here: {issuer}.',
      remedy: 'Get that authority\'s certificate and give it: --ca ca.pem (in a program tls.ca; for all of Node.js NODE_EXTRA_CA_CERTS). With --ca already given: it is not the authority that signed this server\'s certificate.',
    },
    'certificate-alone': {
      cause: 'The server sends its own certificate only, without intermediates.',
      remedy: 'If {issuer} is an intermediate authority, let the server send its certificate behind its own; if it is the root, give it with --ca.',
    },
    'certificate-refused': {
      cause: 'The certificate was not accepted: {detail} ({code}).',
      remedy: 'Have a proper certificate made for the server; the code is OpenSSL\'s and says what is wrong.',
    },
    'client-certificate-required': {
      cause: 'The server wants a certificate of the client, and none was given.',
      remedy: 'Give one: --cert client.pem --key client.key (in a program tls.cert, tls.key). It must be signed by an authority the server trusts.',
    },
    'client-certificate-refused': {
      cause: 'The server did not accept the certificate of this client: {detail}.',
      remedy: 'See that it is signed by the authority the broker is configured with, has not expired, and may be used by clients (extended key usage clientAuth).',
    },
    'client-files': {
      cause: 'The certificate or key given cannot be used: {detail}.',
      remedy: 'See that --cert and --key belong together and are PEM; an encrypted key needs MQTT_KEY_PASSPHRASE.',
    },
    'verification-off': {
      cause: 'The certificate was not verified (--insecure): anybody may be on the other side.',
      remedy: 'Use --insecure for looking only, and --ca for work.',
    },
    'tls-version': {
      cause: 'Server and client have no version of TLS in common: TLS 1.2 is the lowest here.',
      remedy: 'Switch TLS 1.2 or 1.3 on at the server, or update it.',
    },
    'tls-cipher': {
      cause: 'The server has ended the handshake (alert "handshake failure"): there is no cipher both have, or it wants a certificate of the client.',
      remedy: 'Look at the broker\'s log; it says which. Allow current ciphers (ECDHE with AES-GCM), or give --cert and --key.',
    },
    'tls-alert': {
      cause: 'The server has ended the TLS handshake with an alert: {detail}.',
      remedy: 'Look at the broker\'s log, and at the name in the URL: some servers refuse names they do not know.',
    },
    'tls-failed': {
      cause: 'The TLS handshake failed: {detail}.',
      remedy: 'See that the port speaks TLS (8883 is usual), and look at the broker\'s log. A middlebox that ends TLS connections looks the same.',
    },
    'tls-on-plain-port': {
      cause: 'This port speaks MQTT without TLS, and the URL asks for TLS.',
      remedy: 'Use the broker\'s TLS port (usually 8883), or, in a network that may be trusted, {url}.',
    },
    'plain-on-tls-port': {
      cause: 'This port speaks TLS, and the URL asks for a connection without.',
      remedy: 'Use {url}.',
    },
    'http-server': {
      cause: 'There is a web server (HTTP) on this port, not an MQTT broker.',
      remedy: 'Use the broker\'s MQTT port: 1883, or 8883 with TLS. Many brokers have a web console on another port (18083, 8161, 15672), which is not for clients.',
    },
    'websocket-port': {
      cause: 'This port speaks MQTT over WebSocket.',
      remedy: 'Use {url}, or the broker\'s port for MQTT over TCP (usually 1883).',
    },
    'openwire-port': {
      cause: 'This is ActiveMQ\'s OpenWire port, not its MQTT port.',
      remedy: 'ActiveMQ\'s MQTT port is 1883: use {url}. If nobody listens there, switch the transport connector "mqtt" on in activemq.xml.',
    },
    'amqp-port': {
      cause: 'This port speaks AMQP, not MQTT.',
      remedy: 'Use the broker\'s MQTT port (usually 1883); with RabbitMQ enable the plugin rabbitmq_mqtt first.',
    },
    'other-protocol': {
      cause: 'This port speaks something that is not MQTT; it begins with "{bytes}".',
      remedy: 'Look at the port number: 1883 is usual for mqtt://, 8883 for mqtts://.',
    },
    'silent-server': {
      cause: 'The server accepts connections and says nothing: not to MQTT, nor to TLS or HTTP.',
      remedy: 'The broker hangs or is overloaded, a load balancer or port forwarding has nobody behind it, or a firewall takes connections and drops what they carry. Look at the broker\'s log and restart it.',
    },
    'mqtt-not-websocket': {
      cause: 'This port speaks MQTT over TCP, and the URL asks for WebSocket.',
      remedy: 'Use {url}.',
    },
    'websocket-refused': {
      cause: 'The server has not accepted the WebSocket: {detail}.',
      remedy: 'Look at the path of the URL (often /mqtt), and whether the broker\'s WebSocket listener is on that port.',
    },
    'bad-credentials': {
      cause: 'The server does not accept this user name and password ({reason}).',
      remedy: 'Check both; blanks and line ends at the end of a password count. Is it this broker\'s user, and is the user enabled?',
    },
    'credentials-missing': {
      cause: 'The server lets nobody in without credentials ({reason}), and no user name was given.',
      remedy: 'Give --username, and the password in MQTT_PASSWORD or with --ask-password.',
    },
    'not-authorized': {
      cause: 'The server does not let this client in ({reason}): user name or password is wrong, or this user, client identifier or address may not connect.',
      remedy: 'Check user name and password first (Mosquitto answers a wrong password like this), then the rights of the user on the broker.',
    },
    'client-id-rejected': {
      cause: 'The server does not accept the client identifier "{clientId}" ({reason}).',
      remedy: 'Use another one with --client-id: some servers take at most 23 letters and digits, some only identifiers they know, or those that are the user\'s name.',
    },
    'server-unavailable': {
      cause: 'The server says that it is not available ({reason}).',
      remedy: 'It is starting, shutting down, or a part it needs (database, cluster) is missing. Try again later, and look at its log. A client with "reconnect" tries again by itself.',
    },
    'server-busy': {
      cause: 'The server says that it is busy ({reason}).',
      remedy: 'Try again later. If it stays so, the broker is too small for its clients. A client with "reconnect" tries again by itself.',
    },
    banned: {
      cause: 'The server has banned this client ({reason}).',
      remedy: 'Have the ban lifted by the broker\'s administrator (user, client identifier or address). Brokers ban those who connect too often or with wrong passwords.',
    },
    'quota-exceeded': {
      cause: 'A quota of the server is used up ({reason}).',
      remedy: 'Mostly the number of connections, of the broker or of this user. Close clients that are not needed, or raise the quota.',
    },
    'rate-exceeded': {
      cause: 'The server takes no more new connections just now ({reason}).',
      remedy: 'Too many connect at once. Wait, and let clients come back with a delay that is spread ("reconnect" does).',
    },
    'bad-authentication-method': {
      cause: 'The server wants another way of authentication ({reason}). mqtt-native has none but user name, password and client certificate.',
      remedy: 'Allow one of these on the broker.',
    },
    'use-another-server': {
      cause: 'The server sends clients elsewhere ({reason}): {reference}.',
      remedy: 'Use that server in the URL, or the option followServerReference.',
    },
    refused: {
      cause: 'The server has refused the connection ({reason}).',
      remedy: 'Look at the broker\'s log for what it did not like.',
    },
    'no-common-version': {
      cause: 'The server takes neither MQTT 5 nor MQTT 3.1.1.',
      remedy: 'Update the broker, or switch MQTT 3.1.1 on.',
    },
    'mqtt5-refused': {
      cause: 'The server does not take MQTT 5 ({reason}). MQTT 3.1.1 works.',
      remedy: 'Clients fall back by themselves; protocolVersion: 4 saves them the first try. What only MQTT 5 has (properties, expiry, reasons) is not there until the broker is updated.',
    },
    'mqtt5-closed': {
      cause: 'The server does not take MQTT 5: it closes the connection without a word (RabbitMQ before 3.13 does so). MQTT 3.1.1 works.',
      remedy: 'Clients fall back by themselves; protocolVersion: 4 saves them the first try. What only MQTT 5 has (properties, expiry, reasons) is not there until the broker is updated.',
    },
    'mqtt5-no-answer': {
      cause: 'The server does not answer a CONNECT of MQTT 5. MQTT 3.1.1 works.',
      remedy: 'Set protocolVersion: 4, since clients do not fall back where no answer comes; or update the broker.',
    },
    'closed-after-connect': {
      cause: 'The server takes the connection and closes it as soon as it has got CONNECT, without a word, with MQTT 5 and with 3.1.1.',
      remedy: 'Look at the broker\'s log. Usual reasons: a client identifier or user it does not know, a limit of connections, a listener for something else than MQTT, or a load balancer without a broker behind it.',
    },
    'connect-timeout': {
      cause: 'The server speaks MQTT and did not answer CONNECT in time.',
      remedy: 'The broker is overloaded or waits for something, such as its user database. Look at its log, and try a longer --timeout.',
    },
    'protocol-broken': {
      cause: 'The server has answered with something the protocol does not allow: {detail}.',
      remedy: 'See what is on that port, and update the broker. If the broker is right, please report the message.',
    },
    'tls-engine': {
      cause: 'The engine\'s TLS has failed where this check\'s has not: {detail}.',
      remedy: 'Try MQTT_NATIVE_ENGINE=js. Please report the message.',
    },
    'connect-failed': {
      cause: 'The connection was not made: {detail} ({code}).',
      remedy: 'docs/guides/errors.md says what {code} means.',
    },
    'subscribe-denied': {
      cause: 'This client may not subscribe to {topic} ({reason}).',
      remedy: 'Give the user the right to read that topic in the broker\'s ACL, or name a topic it may use: --topic.',
    },
    'subscribe-refused': {
      cause: 'The server has refused the subscription to {topic} ({reason}).',
      remedy: 'Look at the broker\'s limits and log, or name another topic: --topic.',
    },
    'subscribe-closed': {
      cause: 'The server has closed the connection when asked to subscribe to {topic}: {detail}.',
      remedy: 'Brokers do that when the right is missing: look at its ACL and log, or name a topic this client may use: --topic.',
    },
    'subscribe-no-answer': {
      cause: 'The server has not answered the subscription to {topic} in time.',
      remedy: 'The broker is overloaded or hangs: look at its log.',
    },
    'publish-denied': {
      cause: 'This client may not publish to {topic} ({reason}).',
      remedy: 'Give the user the right to write that topic in the broker\'s ACL, or name a topic it may use: --topic.',
    },
    'publish-refused': {
      cause: 'The server has refused the message to {topic} ({reason}).',
      remedy: 'Look at the broker\'s limits and log, or name another topic: --topic.',
    },
    'publish-closed': {
      cause: 'The server has closed the connection when a message to {topic} was published: {detail}.',
      remedy: 'In MQTT 3.1.1 brokers have no other way to refuse a message: look at the ACL, or name a topic this client may use: --topic.',
    },
    'publish-no-answer': {
      cause: 'The server has not acknowledged the message to {topic} in time.',
      remedy: 'The broker is overloaded or hangs: look at its log, and whether its disk is full.',
    },
    'message-lost': {
      cause: 'The server has granted the subscription to {topic} and taken the message, and the message did not come back: the server dropped it without saying so.',
      remedy: 'Mostly the ACL: this client may not read {topic}, or not write it, and the broker does not tell (Mosquitto does not in both cases). Look at the ACL of user and topic, and at rules or plug-ins that take messages away; or name a topic this client may use: --topic.',
    },
    'probe-failed': {
      cause: 'It was not done: {detail} ({code}).',
      remedy: 'docs/guides/errors.md says what {code} means.',
    },
    'password-in-url': {
      cause: 'There is a password in the URL: on the command line everybody on this machine can see it, and the shell keeps it.',
      remedy: 'Give it in MQTT_PASSWORD or with --ask-password.',
    },
  },
  usage: {
    help: `Usage: mqtt-native doctor [url] [options]

Looks at this machine and, with a URL, at the way to a server: name, TCP, TLS, MQTT, and a message there and back.
What does not work is told with its cause and its remedy.

  url                 mqtt://host[:1883]  mqtts://host[:8883]  ws://host[:80]/path  wss://host[:443]/path

Options:
  --username NAME     user name; the password comes from MQTT_PASSWORD or --ask-password, never from the command line
  --ask-password      ask for the password on the terminal, or read the first line of standard input
  --ca FILE           certificate authority to trust instead of the default ones, PEM
  --cert FILE         certificate of the client, PEM
  --key FILE          its private key, PEM; MQTT_KEY_PASSPHRASE opens an encrypted one
  --insecure          go on when the server's certificate is not good; for looking only
  --client-id ID      client identifier (default: a random one)
  --topic TOPIC       topic for the test message (default: mqtt-native/doctor/ and a random end)
  --timeout SECONDS   for everything together (default: 30)
  --lang en|zh        language (default: by LC_ALL, LC_MESSAGES, LANG)
  --json              print the report as JSON
  --help              print this
  --version           print the version of mqtt-native

Exit code: 0 everything works, 1 there is a problem, 2 the command was not understood.
`,
    command: 'There is no command "{name}".',
    noCommand: 'A command is missing: mqtt-native doctor [url].',
    option: 'There is no option {name}.',
    passwordOption: 'A password is never taken from the command line: use MQTT_PASSWORD or --ask-password.',
    noPassword: 'No password was given.',
    value: 'The option {name} needs a value.',
    noValue: 'The option {name} takes no value.',
    twoUrls: 'More than one URL was given.',
    language: '--lang must be en or zh.',
    timeout: '--timeout must be a number of seconds from 1 to 3600.',
    topic: '--topic must be a topic name without wildcards.',
    needsUrl: 'The option {name} needs a URL.',
    needsTls: 'The option {name} needs a URL with TLS (mqtts:// or wss://).',
    pair: '--cert and --key are needed together.',
    wrong: 'That is not possible: {detail}',
    seeHelp: 'See mqtt-native --help.',
  },
};
