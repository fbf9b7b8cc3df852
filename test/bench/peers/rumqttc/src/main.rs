//! rumqttc in the benchmark: the same cells as ../../../core.c, with the same command line and the same line of JSON. Run by
//! cells/rumqttc.mjs, which checks the counters.
//!
//!     bench-rumqttc CELL PORT SECONDS WARM_UP SIZE DEPTH
//!
//! It speaks MQTT 3.1.1, at which it is faster than at 5, with publisher and event loop in one task: a task or a thread for each was tried
//! and was not faster. Its publish gives no promise: a message is done when the event loop tells its PUBACK or PUBCOMP, or, at QoS 0, that
//! it was sent.
use bytes::Bytes;
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};
use rumqttc::{NetworkOptions, Outgoing};
use std::time::{Duration, Instant};

const TOPIC: &str = "bench/t";
const PERIOD: u32 = 16381; // of the pattern, words; payload.mjs says what it is
const LOOK: u32 = 32; // events between two looks at the clock
const ROOM: usize = 1024; // for the header and the topic of a packet

struct Mark {
    time: Instant,
    thread: f64,
    process: f64,
    done: u64,
}

struct Bench {
    client: AsyncClient,
    events: EventLoop,
    qos: QoS,
    outstanding: usize,
    done: u64,
    wrong: u64,
    answers: u64, // SUBACK and UNSUBACK
    report: String,
    failure: String,
}

fn cpu_seconds(clock: libc::clockid_t) -> f64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(clock, &mut t) };
    t.tv_sec as f64 + t.tv_nsec as f64 / 1e9
}

fn make_payload(size: usize) -> Vec<u8> {
    let words = (0..size.div_ceil(4) as u32).map(|i| (i % PERIOD).wrapping_mul(0x9E37_79B1));
    let mut payload: Vec<u8> = words.flat_map(u32::to_le_bytes).collect();
    payload.truncate(size);
    payload
}

impl Bench {
    fn mark(&self) -> Mark {
        Mark {
            time: Instant::now(),
            thread: cpu_seconds(libc::CLOCK_THREAD_CPUTIME_ID),
            process: cpu_seconds(libc::CLOCK_PROCESS_CPUTIME_ID),
            done: self.done,
        }
    }

    fn settled(&mut self) {
        self.outstanding -= 1;
        self.done += 1;
    }

    fn message(&mut self, topic: &str, payload: &Bytes) {
        if topic == "report" {
            self.report = String::from_utf8_lossy(payload).into_owned();
            return;
        }
        if let Some(sequence) = payload.first_chunk::<4>() {
            if u32::from_le_bytes(*sequence) != self.done as u32 {
                self.wrong += 1;
            }
        }
        self.done += 1;
    }

    /// Takes the next event.
    async fn take(&mut self) {
        match self.events.poll().await {
            Ok(Event::Incoming(Packet::Publish(publish))) => self.message(&publish.topic, &publish.payload),
            Ok(Event::Incoming(Packet::PubAck(_) | Packet::PubComp(_))) => self.settled(),
            Ok(Event::Outgoing(Outgoing::Publish(_))) if self.qos == QoS::AtMostOnce => self.settled(),
            Ok(Event::Incoming(Packet::SubAck(_) | Packet::UnsubAck(_))) => self.answers += 1,
            Ok(_) => {}
            Err(error) => self.failure = error.to_string(),
        }
    }

    fn ended(&self) -> bool {
        !self.failure.is_empty()
    }

    async fn until_answered(&mut self) {
        let before = self.answers;
        while self.answers == before && !self.ended() {
            self.take().await;
        }
    }

    async fn subscribe(&mut self, filter: &str, qos: QoS) {
        match self.client.try_subscribe(filter, qos) {
            Ok(()) => self.until_answered().await,
            Err(error) => self.failure = error.to_string(),
        }
    }

    async fn unsubscribe(&mut self, filter: &str) {
        match self.client.try_unsubscribe(filter) {
            Ok(()) => self.until_answered().await,
            Err(error) => self.failure = error.to_string(),
        }
    }

    /// Hands over as many as may be outstanding.
    fn fill(&mut self, payload: &mut [u8], sequence: &mut u64, depth: usize) {
        while self.outstanding < depth {
            if let Some(first) = payload.first_chunk_mut::<4>() {
                *first = (*sequence as u32).to_le_bytes();
            }
            if self.client.try_publish(TOPIC, self.qos, false, Bytes::copy_from_slice(payload)).is_err() {
                return; // its queue is full
            }
            *sequence += 1;
            self.outstanding += 1;
        }
    }

    /// Asks for the broker's counters until it has so many acknowledgements.
    async fn read_report(&mut self, acked: u64) {
        for _ in 0..1000 {
            self.report.clear();
            self.subscribe("report", QoS::AtMostOnce).await;
            while self.report.is_empty() && !self.ended() {
                self.take().await;
            }
            self.unsubscribe("report").await;
            let found = self.report.split("\"acked\":").nth(1).and_then(|rest| rest.split([',', '}']).next());
            if self.ended() || found.and_then(|number| number.trim().parse::<u64>().ok()).is_some_and(|count| count >= acked) {
                return;
            }
        }
    }
}

fn connect(port: u16, size: usize, depth: usize) -> (AsyncClient, EventLoop) {
    let mut options = MqttOptions::new("rumqttc", "127.0.0.1", port);
    options.set_keep_alive(Duration::from_secs(60));
    options.set_max_packet_size(size + ROOM, size + ROOM);
    options.set_inflight(depth.clamp(1, 65_535) as u16);
    let (client, mut events) = AsyncClient::new(options, depth.max(10));
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    events.set_network_options(network);
    (client, events)
}

async fn run(cell: &str, port: u16, seconds: f64, warm_up: f64, size: usize, depth: usize) -> bool {
    let publishing = cell.starts_with("publish-q");
    let qos = match cell.as_bytes()[9] {
        b'0' => QoS::AtMostOnce,
        b'1' => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    };
    let (client, events) = connect(port, size, depth);
    let (report, failure) = (String::new(), String::new());
    let mut bench = Bench { client, events, qos, outstanding: 0, done: 0, wrong: 0, answers: 0, report, failure };
    let mut payload = make_payload(size);
    let mut sequence = 0;
    let filter = format!("flood/1000000000000/{size}/{}", qos as u8);
    if !publishing {
        bench.subscribe(&filter, qos).await;
    }
    let start = Instant::now();
    let mut first: Option<Mark> = None;
    let last = loop {
        let (now, from) = (Instant::now(), first.as_ref().map_or(start, |mark| mark.time));
        let passed = now.duration_since(from).as_secs_f64();
        if bench.ended() || (first.is_some() && passed >= seconds) {
            break bench.mark();
        }
        if first.is_none() && passed >= warm_up {
            first = Some(bench.mark());
        }
        for _ in 0..LOOK {
            if publishing {
                bench.fill(&mut payload, &mut sequence, depth);
            }
            bench.take().await;
        }
    };
    let first = first.unwrap_or_else(|| bench.mark());
    while publishing && bench.outstanding > 0 && !bench.ended() {
        bench.take().await;
    }
    if !publishing && !bench.ended() {
        bench.unsubscribe(&filter).await;
    }
    if !bench.ended() {
        bench.read_report(if publishing || qos == QoS::AtMostOnce { 0 } else { bench.done }).await;
    }
    print(&bench, &first, &last, depth, if publishing { sequence } else { bench.done });
    bench.ended()
}

fn print(bench: &Bench, first: &Mark, last: &Mark, depth: usize, total: u64) {
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) };
    let messages = (last.done - first.done).max(1) as f64;
    println!(
        "{{\"name\":\"rumqttc\",\"version\":\"{}\",\"messages\":{messages},\"rate\":{:.1},\"mainNs\":{:.1},\"processNs\":{:.1},\
         \"loopP99\":null,\"rss\":{},\"depth\":{depth},\"total\":{total},\"wrong\":{},\"failure\":\"{}\",\"report\":{}}}",
        env!("RUMQTTC_VERSION"),
        messages / last.time.duration_since(first.time).as_secs_f64(),
        (last.thread - first.thread) * 1e9 / messages,
        (last.process - first.process) * 1e9 / messages,
        usage.ru_maxrss * 1024,
        bench.wrong,
        bench.failure.replace(['"', '\\'], "'"),
        if bench.report.is_empty() { "null" } else { &bench.report },
    );
}

fn main() {
    let told: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Vec<f64> = told.iter().skip(1).filter_map(|text| text.parse().ok()).collect();
    let known = told.first().is_some_and(|cell| {
        ["publish-q0", "publish-q1", "publish-q2", "receive-q0", "receive-q1", "receive-q2"].contains(&cell.as_str())
    });
    let &[port, seconds, warm_up, size, depth] = numbers.as_slice() else {
        eprintln!("usage: bench-rumqttc CELL PORT SECONDS WARM_UP SIZE DEPTH");
        std::process::exit(2);
    };
    if !known {
        eprintln!("bench-rumqttc: no cell '{}'", told[0]);
        std::process::exit(2);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let failed = runtime.block_on(run(&told[0], port as u16, seconds, warm_up, size as usize, depth as usize));
    std::process::exit(i32::from(failed));
}
