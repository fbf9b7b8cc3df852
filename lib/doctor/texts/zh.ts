import type { Texts } from './texts.js';

/** Everything `doctor` says, in Chinese: the keys and `{names}` of en.ts. */
export const zh: Texts = {
  words: {
    ok: '[正常]',
    warning: '[注意]',
    failed: '[故障]',
    skipped: '[跳过]',
    colon: '：',
    semicolon: '；',
    heading: '{title}（{id}）',
    cause: '原因',
    remedy: '处理办法',
    problem: '问题',
    note: '说明',
    warned: '警告',
    seeStep: '见上面的“{step}”',
    notNeeded: '此处不需要',
    outOfTime: '未执行：--timeout 规定的时间已用完',
    skippedAfter: '未执行，因为“{step}”没有成功',
    allGood: '结果：没有发现问题。',
    warnings: '结果：可以使用，有 {count} 个警告：{ids}',
    problems: '结果：{count} 个问题：{ids}',
    unfinished: '结果：时间用完，检查没有全部完成。',
    noUrl: '没有检查服务器：请给出它的 URL，例如 "mqtt-native doctor mqtts://host:8883"。',
    yes: '是',
    no: '否',
    password: '密码：',
  },
  steps: {
    host: '本机',
    engine: '引擎',
    dns: '主机名（DNS）',
    tcp: 'TCP 连接',
    proxy: '代理',
    tls: 'TLS',
    connect: 'MQTT 连接',
    subscribe: '订阅',
    publish: '发布',
    receive: '消息回传',
  },
  facts: {
    platform: '平台',
    libc: 'C 库',
    distribution: '系统',
    uos: 'UOS 版本',
    loongarchWorld: 'LoongArch 新旧世界',
    runtime: '运行环境',
    napi: 'Node-API',
    target: '对应的预编译模块',
    package: 'mqtt-native',
    native: '原生引擎可加载',
    file: '文件',
    core: '核心',
    paho: 'Paho C',
    libuv: 'libuv',
    openssl: '原生模块的 OpenSSL',
    mqttjs: 'mqtt.js',
    nodeOpenssl: 'Node.js 的 OpenSSL',
    variable: 'MQTT_NATIVE_ENGINE',
    attempts: '尝试过',
    host: '主机',
    port: '端口',
    addresses: '地址',
    reached: '已连通',
    variables: '代理变量',
    bypassed: 'no_proxy 包含该主机',
    direct: '可以直接连接',
    protocol: '协议',
    cipher: '加密套件',
    serverName: '请求的名称',
    verification: '验证结果',
    clientCertificate: '出示了客户端证书',
    chain: '证书',
    engine: '引擎',
    mqtt: 'MQTT 版本',
    clientId: '客户端标识符',
    credentials: '给出了用户名',
    sessionPresent: '服务器有会话',
    maximumQoS: '最高 QoS',
    reasonCode: '原因码',
    reason: '服务器的说明',
    error: '错误',
    speaks: '该端口使用的协议',
    topic: '主题',
    qos: 'QoS',
    roundTrip: '往返毫秒数',
    address: '地址',
    result: '结果',
    ms: '毫秒',
    subject: '主体',
    issuer: '签发者',
    from: '生效时间',
    to: '过期时间',
    names: '名称',
    sha256: 'SHA-256',
  },
  findings: {
    'native-missing': {
      cause: '当前安装中没有适合本平台（{target}）的原生模块。改由 js 引擎提供服务，API 相同。',
      remedy: '如果 docs/platforms.md 中列有本平台，请重新安装（npm install mqtt-native），并确认打包或复制时没有漏掉 prebuilds/ 目录。否则请从源码构建（npm run build），或继续使用 js 引擎。',
    },
    'native-libc': {
      cause: '原生模块需要的 C 库比本系统的新，或者不是同一种：{detail}。改由 js 引擎提供服务。',
      remedy: '请使用 glibc 2.28 或更高版本的系统（musl 系统用 musl 版模块），或在本系统上从源码构建（npm run build），或继续使用 js 引擎。',
    },
    'native-refused': {
      cause: '系统不允许加载原生模块 {file}。UOS 会拒绝没有签名的二进制文件，以 noexec 挂载的文件系统也会拒绝。改由 js 引擎提供服务。',
      remedy: '请为该文件签名，或在安全中心放行（UOS：开发者模式），或把 node_modules 移到没有 noexec 的文件系统。js 引擎不需要这些。',
    },
    'native-disabled': {
      cause: 'Node.js 被设置为不加载原生模块（--no-addons，或权限模型没有 --allow-addons）。改由 js 引擎提供服务。',
      remedy: '启动 Node.js 时去掉 --no-addons，或加上 --allow-addons；也可以继续使用 js 引擎。',
    },
    'native-wrong-file': {
      cause: '原生模块 {file} 已损坏、版本不符，或者是为别的处理器或系统编译的：{detail}。改由 js 引擎提供服务。',
      remedy: '请删除 node_modules，在本机重新安装：不能从另一种机器复制 node_modules。',
    },
    'native-old-world': {
      cause: '这是 LoongArch 旧世界系统（UOS V20）；原生模块是为新世界编译的，两者互不兼容。改由 js 引擎提供服务。',
      remedy: '继续使用 js 引擎，或在本系统上从源码构建（npm run build）。',
    },
    'native-not-loaded': {
      cause: '原生模块没有加载成功：{detail}。改由 js 引擎提供服务。',
      remedy: '请看上面的文件和错误信息。重新安装，或继续使用 js 引擎。',
    },
    'js-missing': {
      cause: 'js 引擎不可用：{detail}。原生引擎不能服务时，没有后备。',
      remedy: '请安装 mqtt 包，5.16.0 或更高的 5.x 版本：npm install mqtt@5。',
    },
    'engine-none': {
      cause: '没有可用的引擎：原生模块和 mqtt.js 都没有加载成功。',
      remedy: '请删除 node_modules，重新运行 npm install。',
    },
    'engine-asked-for': {
      cause: 'MQTT_NATIVE_ENGINE 指定了引擎“{engine}”，但它不可用：{detail}',
      remedy: '请取消环境变量 MQTT_NATIVE_ENGINE 的设置，让另一个引擎接替；或者排除该原因。',
    },
    'engine-variable': {
      cause: 'MQTT_NATIVE_ENGINE 既不是 native 也不是 js：任何客户端都无法连接。',
      remedy: '请取消这个环境变量的设置，或改正它的值。',
    },
    'dns-not-found': {
      cause: '主机名 {host} 不存在。',
      remedy: '请检查名称有没有写错。如果是内部网络的名称，请确认本机使用该网络的 DNS 服务器（VPN），或把它写入 hosts 文件。',
    },
    'dns-no-answer': {
      cause: '查询 {host} 时没有 DNS 服务器回答（{code}）。',
      remedy: '请确认本机网络正常，DNS 服务器可以访问（/etc/resolv.conf）。可以先用 IP 地址代替名称试一试。',
    },
    'dns-failed': {
      cause: '主机名 {host} 解析失败（{code}）。',
      remedy: '请检查名称以及本机的 DNS 设置。',
    },
    'tcp-refused': {
      cause: '主机 {host} 可以到达，但没有程序监听端口 {port}。',
      remedy: '请确认 MQTT 服务器正在运行，监听的是这个地址而不只是 127.0.0.1，并且端口正确：mqtt:// 一般用 1883，mqtts:// 一般用 8883。防火墙拒绝连接时表现相同。',
    },
    'tcp-timeout': {
      cause: '{host}:{port} 没有在规定时间内应答。',
      remedy: '多半是防火墙或安全组丢弃了数据包，或者对方没有开机。请在沿途放行端口 {port}。',
    },
    'tcp-unreachable': {
      cause: '从本机无法到达 {host}:{port}（{code}）。',
      remedy: '请检查本机的网络、路由和 VPN。如果只解析出 IPv6 地址，可能是本机没有 IPv6。',
    },
    'tcp-failed': {
      cause: '未能与 {host}:{port} 建立 TCP 连接（{code}）。',
      remedy: '请检查两端之间的网络和防火墙。',
    },
    'tcp-some-failed': {
      cause: '{host} 的地址不是全部都能连接：{addresses}。',
      remedy: '客户端会改用下一个地址，可能多花时间。请让服务器监听全部地址，或从 DNS 中去掉该地址。',
    },
    'proxy-not-used': {
      cause: '设置了代理变量（{variables}）。mqtt-native 不使用代理，而是直接连接；此处直接连接可用。',
      remedy: '无需处理。',
    },
    'proxy-needed': {
      cause: '设置了代理变量（{variables}）；mqtt-native 不使用代理，而直接连接不通：这个网络可能只允许通过代理访问外部。',
      remedy: '请申请直接访问 {host}:{port} 的权限，或在本网络内设置 TCP 转发或带桥接的 MQTT 服务器。',
    },
    'certificate-expired': {
      cause: '证书 {subject} 已于 {date} 过期。',
      remedy: '请在服务器上更换证书，并重启或重新加载 MQTT 服务器。如果这个日期还没有到，说明本机的时钟不对。',
    },
    'certificate-not-yet-valid': {
      cause: '证书 {subject} 在 {date} 之前无效。',
      remedy: '多半是本机的时钟不对（现在显示 {now}）：请校准，最好使用 NTP。',
    },
    'certificate-expires-soon': {
      cause: '证书 {subject} 将于 {date} 过期。',
      remedy: '请及时更换。',
    },
    'certificate-wrong-host': {
      cause: '证书不是发给 {host} 的，而是发给 {names} 的。',
      remedy: '请用证书中的名称连接，或申请一张包含 {host} 的证书。如果证书正确而地址必须不同，可用选项 tls.servername 指明期望的名称。',
    },
    'certificate-self-signed': {
      cause: '服务器使用自签名证书（{subject}），本机不信任它。',
      remedy: '如果这就是要连接的服务器，请把它的证书作为 CA 给出：--ca server.pem（程序中用 tls.ca）。不要关闭验证。',
    },
    'certificate-unknown-authority': {
      cause: '签发证书的机构不被本机信任：{issuer}。',
      remedy: '请取得该机构的证书并给出：--ca ca.pem（程序中用 tls.ca；对整个 Node.js 用 NODE_EXTRA_CA_CERTS）。如果已经给出 --ca，说明它不是签发该服务器证书的机构。',
    },
    'certificate-alone': {
      cause: '服务器只发送了它自己的证书，没有中间证书。',
      remedy: '如果 {issuer} 是中间 CA，请让服务器在自己的证书之后附上它的证书；如果是根 CA，请用 --ca 给出。',
    },
    'certificate-refused': {
      cause: '证书未被接受：{detail}（{code}）。',
      remedy: '请为服务器更换合格的证书；代码是 OpenSSL 的，说明哪里不对。',
    },
    'client-certificate-required': {
      cause: '服务器要求客户端证书，但没有给出。',
      remedy: '请给出：--cert client.pem --key client.key（程序中用 tls.cert、tls.key）。证书必须由服务器信任的 CA 签发。',
    },
    'client-certificate-refused': {
      cause: '服务器不接受本客户端的证书：{detail}。',
      remedy: '请确认证书由服务器所配置的 CA 签发、没有过期，并且可用于客户端（扩展密钥用途 clientAuth）。',
    },
    'client-files': {
      cause: '给出的证书或私钥无法使用：{detail}。',
      remedy: '请确认 --cert 与 --key 相互匹配，并且是 PEM 格式；加密的私钥需要 MQTT_KEY_PASSPHRASE。',
    },
    'verification-off': {
      cause: '没有验证证书（--insecure）：对方可能是任何人。',
      remedy: '--insecure 只用于排查；正式使用请用 --ca。',
    },
    'tls-version': {
      cause: '服务器与客户端没有共同的 TLS 版本：客户端最低为 TLS 1.2。',
      remedy: '请在服务器上启用 TLS 1.2 或 1.3，或升级服务器。',
    },
    'tls-cipher': {
      cause: '服务器中止了握手（警报 handshake failure）：双方没有共同的加密套件，或者服务器要求客户端证书。',
      remedy: '请查看服务器日志以确定是哪一种。请允许目前通用的加密套件（ECDHE 与 AES-GCM），或给出 --cert 和 --key。',
    },
    'tls-alert': {
      cause: '服务器以警报中止了 TLS 握手：{detail}。',
      remedy: '请查看服务器日志，并检查 URL 中的名称：有些服务器拒绝不认识的名称。',
    },
    'tls-failed': {
      cause: 'TLS 握手失败：{detail}。',
      remedy: '请确认该端口使用 TLS（一般是 8883），并查看服务器日志。中间设备中断 TLS 连接时表现相同。',
    },
    'tls-on-plain-port': {
      cause: '该端口使用不加密的 MQTT，而 URL 要求 TLS。',
      remedy: '请使用服务器的 TLS 端口（一般是 8883）；在可信的网络中也可以用 {url}。',
    },
    'plain-on-tls-port': {
      cause: '该端口使用 TLS，而 URL 要求不加密的连接。',
      remedy: '请使用 {url}。',
    },
    'http-server': {
      cause: '该端口上是 Web 服务器（HTTP），不是 MQTT 服务器。',
      remedy: '请使用 MQTT 端口：1883，TLS 用 8883。许多 MQTT 服务器的Web 控制台在别的端口（18083、8161、15672），客户端不能使用。',
    },
    'websocket-port': {
      cause: '该端口使用基于 WebSocket 的 MQTT。',
      remedy: '请使用 {url}，或使用服务器的 MQTT TCP 端口（一般是 1883）。',
    },
    'openwire-port': {
      cause: '这是 ActiveMQ 的 OpenWire 端口，不是它的 MQTT 端口。',
      remedy: 'ActiveMQ 的 MQTT 端口是 1883：请使用 {url}。如果那里没有监听，请在 activemq.xml 中启用传输连接器 mqtt。',
    },
    'amqp-port': {
      cause: '该端口使用 AMQP，不是 MQTT。',
      remedy: '请使用服务器的 MQTT 端口（一般是 1883）；RabbitMQ 需要先启用插件 rabbitmq_mqtt。',
    },
    'other-protocol': {
      cause: '该端口使用的不是 MQTT；对方发来的开头是“{bytes}”。',
      remedy: '请检查端口号：mqtt:// 一般用 1883，mqtts:// 一般用 8883。',
    },
    'silent-server': {
      cause: '服务器接受连接，但什么也不回答：对 MQTT、TLS 和 HTTP 都没有回应。',
      remedy: '可能是 MQTT 服务器挂起或过载，负载均衡或端口转发后面没有服务器，或者防火墙接受连接却丢弃数据。请查看服务器日志并重启它。',
    },
    'mqtt-not-websocket': {
      cause: '该端口使用基于 TCP 的 MQTT，而 URL 要求 WebSocket。',
      remedy: '请使用 {url}。',
    },
    'websocket-refused': {
      cause: '服务器没有接受 WebSocket：{detail}。',
      remedy: '请检查 URL 的路径（常见的是 /mqtt），以及服务器的 WebSocket 监听是否在该端口。',
    },
    'bad-credentials': {
      cause: '服务器不接受这个用户名和密码（{reason}）。',
      remedy: '请核对用户名和密码；密码末尾的空格和换行也算在内。确认该用户属于这个服务器，并且已启用。',
    },
    'credentials-missing': {
      cause: '服务器要求登录（{reason}），但没有给出用户名。',
      remedy: '请给出 --username，密码放在环境变量 MQTT_PASSWORD 中，或用 --ask-password 输入。',
    },
    'not-authorized': {
      cause: '服务器不允许本客户端连接（{reason}）：用户名或密码错误，或者该用户、客户端标识符或地址没有连接的权限。',
      remedy: '请先核对用户名和密码（密码错误时 Mosquitto 就这样回答），再检查该用户在服务器上的权限。',
    },
    'client-id-rejected': {
      cause: '服务器不接受客户端标识符“{clientId}”（{reason}）。',
      remedy: '请用 --client-id 换一个：有些服务器最多接受 23 个字母和数字，有些只接受已登记的标识符，或要求与用户名相同。',
    },
    'server-unavailable': {
      cause: '服务器表示目前不可用（{reason}）。',
      remedy: '它可能正在启动或关闭，或者缺少所依赖的部分（数据库、集群）。请稍后再试，并查看它的日志。启用 reconnect 的客户端会自动重试。',
    },
    'server-busy': {
      cause: '服务器表示忙（{reason}）。',
      remedy: '请稍后再试。如果一直如此，说明服务器的能力不够。启用 reconnect 的客户端会自动重试。',
    },
    banned: {
      cause: '服务器已封禁本客户端（{reason}）。',
      remedy: '请服务器管理员解除封禁（用户、客户端标识符或地址）。连接过于频繁或多次输错密码会被封禁。',
    },
    'quota-exceeded': {
      cause: '服务器的配额已用完（{reason}）。',
      remedy: '多半是服务器或该用户的连接数。请关闭不需要的客户端，或提高配额。',
    },
    'rate-exceeded': {
      cause: '服务器暂时不再接受新的连接（{reason}）。',
      remedy: '同时连接的客户端太多。请稍等，并让客户端以分散的延迟重新连接（reconnect 就是这样做的）。',
    },
    'bad-authentication-method': {
      cause: '服务器要求别的认证方式（{reason}）。mqtt-native 只支持用户名、密码和客户端证书。',
      remedy: '请在服务器上允许其中一种。',
    },
    'use-another-server': {
      cause: '服务器让客户端改用别的服务器（{reason}）：{reference}。',
      remedy: '请在 URL 中使用那个服务器，或使用选项 followServerReference。',
    },
    refused: {
      cause: '服务器拒绝了连接（{reason}）。',
      remedy: '请在服务器日志中查看拒绝的原因。',
    },
    'no-common-version': {
      cause: '服务器既不接受 MQTT 5，也不接受 MQTT 3.1.1。',
      remedy: '请升级服务器，或启用 MQTT 3.1.1。',
    },
    'mqtt5-refused': {
      cause: '服务器不接受 MQTT 5（{reason}）。MQTT 3.1.1 可用。',
      remedy: '客户端会自动改用 3.1.1；设置 protocolVersion: 4 可以省去第一次尝试。在服务器升级之前，MQTT 5 特有的功能（属性、过期、原因）不可用。',
    },
    'mqtt5-closed': {
      cause: '服务器不接受 MQTT 5：它不作说明就关闭连接（3.13 之前的 RabbitMQ 就是这样）。MQTT 3.1.1 可用。',
      remedy: '客户端会自动改用 3.1.1；设置 protocolVersion: 4 可以省去第一次尝试。在服务器升级之前，MQTT 5 特有的功能（属性、过期、原因）不可用。',
    },
    'mqtt5-no-answer': {
      cause: '服务器不应答 MQTT 5 的 CONNECT。MQTT 3.1.1 可用。',
      remedy: '请设置 protocolVersion: 4，因为没有应答时客户端不会自动改用 3.1.1；或者升级服务器。',
    },
    'closed-after-connect': {
      cause: '服务器接受连接，但一收到 CONNECT 就关闭，没有任何说明；MQTT 5 和 3.1.1 都是如此。',
      remedy: '请查看服务器日志。常见原因：服务器不认识的客户端标识符或用户、连接数限制、监听的不是 MQTT，或者负载均衡后面没有服务器。',
    },
    'connect-timeout': {
      cause: '服务器使用 MQTT，但没有在规定时间内应答 CONNECT。',
      remedy: '服务器过载，或在等待别的部分，例如用户数据库。请查看它的日志，并用更长的 --timeout 再试。',
    },
    'protocol-broken': {
      cause: '服务器的应答不符合协议：{detail}。',
      remedy: '请检查该端口上是什么程序，并升级服务器。如果服务器没有错，请报告这条信息。',
    },
    'tls-engine': {
      cause: '这里的 TLS 检查成功，但引擎的 TLS 失败：{detail}。',
      remedy: '请试试 MQTT_NATIVE_ENGINE=js，并报告这条信息。',
    },
    'connect-failed': {
      cause: '没有建立连接：{detail}（{code}）。',
      remedy: 'docs/guides/errors.md 说明了 {code} 的含义。',
    },
    'subscribe-denied': {
      cause: '本客户端无权订阅 {topic}（{reason}）。',
      remedy: '请在服务器的 ACL 中允许该用户读这个主题，或用 --topic 指定它可以使用的主题。',
    },
    'subscribe-refused': {
      cause: '服务器拒绝订阅 {topic}（{reason}）。',
      remedy: '请查看服务器的限制和日志，或用 --topic 指定别的主题。',
    },
    'subscribe-closed': {
      cause: '请求订阅 {topic} 时，服务器关闭了连接：{detail}。',
      remedy: '没有权限时有些服务器会这样做：请查看 ACL 和日志，或用 --topic 指定本客户端可以使用的主题。',
    },
    'subscribe-no-answer': {
      cause: '服务器没有在规定时间内应答对 {topic} 的订阅。',
      remedy: '服务器过载或挂起：请查看它的日志。',
    },
    'publish-denied': {
      cause: '本客户端无权向 {topic} 发布消息（{reason}）。',
      remedy: '请在服务器的 ACL 中允许该用户写这个主题，或用 --topic 指定它可以使用的主题。',
    },
    'publish-refused': {
      cause: '服务器拒绝了发往 {topic} 的消息（{reason}）。',
      remedy: '请查看服务器的限制和日志，或用 --topic 指定别的主题。',
    },
    'publish-closed': {
      cause: '向 {topic} 发布消息时，服务器关闭了连接：{detail}。',
      remedy: '在 MQTT 3.1.1 中服务器没有别的办法拒绝消息：请查看 ACL，或用 --topic 指定本客户端可以使用的主题。',
    },
    'publish-no-answer': {
      cause: '服务器没有在规定时间内确认发往 {topic} 的消息。',
      remedy: '服务器过载或挂起：请查看它的日志，以及磁盘是否已满。',
    },
    'message-lost': {
      cause: '服务器同意了对 {topic} 的订阅，也收下了消息，但消息没有回来：服务器不声不响地丢弃了它。',
      remedy: '多半是 ACL：本客户端无权读或无权写 {topic}，而服务器没有告知（Mosquitto 在这两种情况下都不告知）。请检查该用户和主题的 ACL，以及会截走消息的规则或插件；或用 --topic 指定本客户端可以使用的主题。',
    },
    'probe-failed': {
      cause: '没有完成：{detail}（{code}）。',
      remedy: 'docs/guides/errors.md 说明了 {code} 的含义。',
    },
    'password-in-url': {
      cause: 'URL 中有密码：写在命令行上，本机的其他人都能看到，shell 也会记录下来。',
      remedy: '请把密码放在环境变量 MQTT_PASSWORD 中，或用 --ask-password 输入。',
    },
  },
  usage: {
    help: `用法：mqtt-native doctor [url] [选项]

检查本机；给出 URL 时，还检查通往服务器的每一步：名称、TCP、TLS、MQTT，以及一条消息的往返。
不正常的地方会说明原因和处理办法。

  url                 mqtt://host[:1883]  mqtts://host[:8883]  ws://host[:80]/path  wss://host[:443]/path

选项：
  --username NAME     用户名；密码来自环境变量 MQTT_PASSWORD 或 --ask-password，绝不来自命令行
  --ask-password      在终端上询问密码，或读取标准输入的第一行
  --ca FILE           代替默认值的可信 CA 证书，PEM
  --cert FILE         客户端证书，PEM
  --key FILE          客户端私钥，PEM；加密的私钥由 MQTT_KEY_PASSPHRASE 打开
  --insecure          服务器证书有问题时也继续；只用于排查
  --client-id ID      客户端标识符（默认：随机）
  --topic TOPIC       测试消息的主题（默认：mqtt-native/doctor/ 加随机结尾）
  --timeout SECONDS   全部检查的总时间，秒（默认：30）
  --lang en|zh        语言（默认：按 LC_ALL、LC_MESSAGES、LANG）
  --json              以 JSON 输出报告
  --help              显示本说明
  --version           显示 mqtt-native 的版本

退出码：0 一切正常，1 有问题，2 命令有误。
`,
    command: '没有命令“{name}”。',
    noCommand: '缺少命令：mqtt-native doctor [url]。',
    option: '没有选项 {name}。',
    passwordOption: '不接受命令行上的密码：请用环境变量 MQTT_PASSWORD 或 --ask-password。',
    noPassword: '没有输入密码。',
    value: '选项 {name} 需要一个值。',
    noValue: '选项 {name} 不带值。',
    twoUrls: '给出了不止一个 URL。',
    language: '--lang 必须是 en 或 zh。',
    timeout: '--timeout 必须是 1 到 3600 之间的秒数。',
    topic: '--topic 必须是不含通配符的主题名。',
    needsUrl: '选项 {name} 需要 URL。',
    needsTls: '选项 {name} 需要使用 TLS 的 URL（mqtts:// 或 wss://）。',
    pair: '--cert 和 --key 必须一起给出。',
    wrong: '无法执行：{detail}',
    seeHelp: '请看 mqtt-native --help。',
  },
};
