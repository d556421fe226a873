//! A real Apache Kafka: one KRaft node on free loopback ports, in a directory of its own, removed with its owner.
//!
//! The jars come from `scripts/kafka-jars`. Rust drops no statics, and a killed process drops nothing. So each broker
//! has a watchdog: a shell that reads a pipe of the test. When the pipe closes it kills the broker and removes its
//! directory.

mod rights;
pub mod secured;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, Producer};
use rdkafka::types::RDKafkaErrorCode;

use secured::Secured;

const START_LIMIT: Duration = Duration::from_secs(90);

/// Number of doors of a broker; each test that reads through a proxy needs one.
const DOORS: usize = 10;

/// Accounts and passwords for [`Kafka::sasl_bootstrap`]. The first may do everything, the second nothing.
pub const ACCOUNTS: [(&str, &str); 2] = [("reader", "sesame-of-the-reader"), ("stranger", "sesame-of-the-stranger")];

/// Advertised address of [`Kafka::misadvertised_bootstrap`], which cannot be resolved.
pub const MISADVERTISED: &str = "kafka.nowhere.invalid:9092";

pub struct Kafka {
    port: u16,
    controller_port: u16,
    sasl_port: u16,
    misadvertised_port: u16,
    secured: Secured,
    /// Doors that no test has taken.
    doors: Mutex<Vec<Door>>,
    /// Outside and inside port of every door.
    door_ports: Vec<(u16, u16)>,
    directory: PathBuf,
    running: Mutex<Option<Running>>,
}

/// A listener of the broker that is advertised at another address, where a proxy can listen between clients and broker.
pub struct Door {
    /// Advertised address; bound already, so that nobody else takes the port.
    pub outside: TcpListener,
    /// Port at which the broker listens.
    pub inside: u16,
}

struct Running {
    java: Child,
    watchdog: Child,
}

impl Kafka {
    /// A broker that has an address and is not running yet.
    pub fn reserve() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kafka-{}-{number}", std::process::id()));
        fs::create_dir_all(&directory).expect("a directory for kafka");
        let [port, controller_port, sasl_port, misadvertised_port, tls, scram, mutual, expired] = free_ports();
        let outside: [TcpListener; DOORS] =
            std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
        let doors: Vec<Door> =
            outside.into_iter().zip(free_ports::<DOORS>()).map(|(outside, inside)| Door { outside, inside }).collect();
        let door_ports =
            doors.iter().map(|door| (door.outside.local_addr().expect("a bound socket").port(), door.inside)).collect();
        let kafka = Self {
            port,
            controller_port,
            sasl_port,
            misadvertised_port,
            secured: Secured::make(directory.join("certificates"), [tls, scram, mutual, expired]),
            doors: Mutex::new(doors),
            door_ports,
            directory,
            running: Mutex::new(None),
        };
        kafka.format();
        kafka
    }

    /// Starts the broker, for the first time or again with its records, and waits until it answers.
    pub fn start(&self) {
        let mut running = self.running.lock().expect("no test failed while starting kafka");
        assert!(running.is_none(), "kafka is running");
        let log = fs::File::create(self.directory.join("broker.log")).expect("kafka's log file");
        let java = java(&["-Xmx512m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"])
            .arg("kafka.Kafka")
            .arg(self.directory.join("server.properties"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("kafka's log file"))
            .stderr(log)
            .spawn()
            .expect("java starts");
        let watchdog = Command::new("sh")
            .args([
                "-c",
                "cat >/dev/null; kill -KILL \"$1\"; sleep 0.2; rm -rf \"$2\"",
                "watchdog",
                &java.id().to_string(),
            ])
            .arg(&self.directory)
            .stdin(Stdio::piped())
            .spawn()
            .expect("sh starts");
        self.wait_until_it_answers(&mut running.insert(Running { java, watchdog }).java);
    }

    /// Kills the broker, as an outage does; its records stay for the next start.
    pub fn stop(&self) {
        if let Some(Running { mut java, mut watchdog }) =
            self.running.lock().expect("no test failed while starting kafka").take()
        {
            // The watchdog first: once the broker is reaped, its process id may be reused.
            for child in [&mut watchdog, &mut java] {
                child.kill().and_then(|()| child.wait()).expect("the child can be killed");
            }
        }
    }

    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Address at which clients must log in as one of [`ACCOUNTS`].
    pub fn sasl_bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.sasl_port)
    }

    /// Address at which clients must speak TLS. The broker's certificate is for `localhost`.
    pub fn tls_bootstrap(&self) -> String {
        format!("localhost:{}", self.secured.tls_port)
    }

    /// Path of the certificate of the brokers' authority.
    pub fn certificate(&self) -> PathBuf {
        self.secured.path("brokers.crt")
    }

    /// Listeners with TLS.
    pub fn secured(&self) -> &Secured {
        &self.secured
    }

    /// Address of a listener that is advertised as [`MISADVERTISED`].
    pub fn misadvertised_bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.misadvertised_port)
    }

    /// Takes a door for one test.
    pub fn door(&self) -> Door {
        self.doors.lock().expect("no test failed while taking a door").pop().expect("a door is left; there are `DOORS`")
    }

    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.bootstrap()).set("reconnect.backoff.max.ms", "200");
        config
    }

    pub fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().expect("an admin client")
    }

    pub fn create_topic(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        assert!(self.try_create_topic(name, partitions, settings), "there is a topic {name} already");
    }

    /// Creates a topic; false if it exists already.
    pub fn try_create_topic(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) -> bool {
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        for (key, value) in settings {
            topic = topic.set(key, value);
        }
        let created = block_on(self.admin().create_topics([&topic], &AdminOptions::new())).expect("kafka answers");
        match &created[0] {
            Ok(_) => true,
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => false,
            Err((name, code)) => panic!("topic {name} was not created: {code}"),
        }
    }

    fn format(&self) {
        let properties = self.directory.join("server.properties");
        fs::write(&properties, self.properties()).expect("kafka's properties");
        // Twenty-two characters of base64.
        let cluster = format!("pacemeter{:012}A", self.port);
        let output = java(&["-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"])
            .args(["kafka.tools.StorageTool", "format", "-t", &cluster])
            .args(["--add-scram", &self.secured.scram_account(), "-c"])
            .arg(&properties)
            .output()
            .expect("java starts");
        assert!(output.status.success(), "kafka's storage was not formatted: {output:?}");
    }

    fn properties(&self) -> String {
        let Self { port, controller_port, sasl_port, misadvertised_port, secured, directory, .. } = self;
        let directory = directory.display();
        let doors = |line: fn(usize, u16, u16) -> String| -> String {
            self.door_ports
                .iter()
                .enumerate()
                .map(|(number, (outside, inside))| line(number, *outside, *inside))
                .collect()
        };
        let mut listeners = doors(|number, _, inside| format!(",DOOR{number}://127.0.0.1:{inside}"));
        let mut advertised = doors(|number, outside, _| format!(",DOOR{number}://127.0.0.1:{outside}"));
        let mut protocols = doors(|number, _, _| format!(",DOOR{number}:PLAINTEXT"));
        for (name, port, protocol) in secured.listeners() {
            listeners += &format!(",{name}://127.0.0.1:{port}");
            advertised += &format!(",{name}://localhost:{port}");
            protocols += &format!(",{name}:{protocol}");
        }
        let secured = secured.properties();
        let accounts: String = ACCOUNTS.iter().map(|(name, password)| format!(" user_{name}=\"{password}\"")).collect();
        let (all_powerful, _) = ACCOUNTS[0];
        format!(
            "process.roles=broker,controller\n\
             node.id=1\n\
             controller.quorum.voters=1@127.0.0.1:{controller_port}\n\
             listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port},SASL://127.0.0.1:{sasl_port},ASTRAY://127.0.0.1:{misadvertised_port}{listeners}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{port},SASL://127.0.0.1:{sasl_port},ASTRAY://{MISADVERTISED}{advertised}\n\
             listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT,ASTRAY:PLAINTEXT{protocols}\n\
             controller.listener.names=CONTROLLER\n\
             inter.broker.listener.name=PLAINTEXT\n\
             {secured}\
             listener.name.sasl.sasl.enabled.mechanisms=PLAIN\n\
             listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required{accounts};\n\
             authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
             super.users=User:ANONYMOUS;User:{all_powerful}\n\
             num.network.threads=1\n\
             log.dirs={directory}/data\n\
             auto.create.topics.enable=false\n\
             offsets.topic.replication.factor=1\n\
             offsets.topic.num.partitions=1\n\
             transaction.state.log.replication.factor=1\n\
             transaction.state.log.min.isr=1\n\
             transaction.state.log.num.partitions=1\n\
             group.initial.rebalance.delay.ms=0\n\
             log.retention.hours=-1\n\
             log.initial.task.delay.ms=500\n\
             log.cleaner.backoff.ms=500\n\
             log.cleaner.dedupe.buffer.size=4194304\n"
        )
    }

    fn wait_until_it_answers(&self, java: &mut Child) {
        let client: BaseProducer =
            self.client().set_log_level(rdkafka::config::RDKafkaLogLevel::Emerg).create().expect("a client");
        let started = Instant::now();
        loop {
            let brokers = client
                .client()
                .fetch_metadata(None, Duration::from_secs(1))
                .map_or(0, |metadata| metadata.brokers().len());
            if brokers > 0 {
                return;
            }
            if java.try_wait().expect("java is our child").is_some() || started.elapsed() > START_LIMIT {
                let log = fs::read_to_string(self.directory.join("broker.log")).unwrap_or_default();
                panic!("kafka did not start within {START_LIMIT:?}; its log:\n{log}");
            }
        }
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        self.stop();
        // A leftover in a temporary directory fails no test.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Runs an admin call to its end.
pub fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

fn java(options: &[&str]) -> Command {
    let mut java = Command::new("java");
    java.args(options).arg("-cp").arg(jars().join("*"));
    java
}

/// Directory of Kafka's jars; they are fetched if this machine does not have them yet.
pub fn jars() -> PathBuf {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("tmp is in the target directory");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/kafka-jars");
    let output = Command::new(&script)
        .env("CARGO_TARGET_DIR", target)
        .stderr(Stdio::inherit())
        .output()
        .expect("scripts/kafka-jars runs");
    assert!(output.status.success(), "scripts/kafka-jars failed: {}", output.status);
    PathBuf::from(String::from_utf8(output.stdout).expect("a path").trim_end())
}

fn free_ports<const N: usize>() -> [u16; N] {
    // All are bound at once, so that they differ.
    let listeners: [_; N] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("a bound socket").port())
}
