//! SIGKILL in a loop, while rows change, phones come and pushes go: nothing is lost.
//!
//! What shows what:
//!
//! - Phones that are awake hear a push where APNs shows it, in the control API. APNs lives in the process that
//!   is killed: a push that it had taken and not yet shown is lost on its way, as happens to real ones.
//! - Whoever missed a push for that reason, or because the process died between the lease and the push, has to
//!   have a lease that was set before the kill: read from the Registry. The command knows the machine's
//!   clock alone, so nobody waits for the 300 s here: the phone asks by itself, and then has everything.
//! - Phones that are asleep keep the lease of their first push through all kills, are not pushed again
//!   before its time, and are what the schedule will find when that comes.

mod sight;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex as StdMutex};
use std::time::Duration;

use aws::dynamodb::Registry;
use aws_sdk_dynamodb::types::AttributeValue;
use passes::ids::{PassKey, PassTypeIdentifier};
use passes::ports::{DUE_SHARDS, FindDue as _};
use passes::time::Timestamp;
use phone::{Event, Grievance, Phone, PhoneConfig, PhoneError};
use serde::Deserialize;
use stack::Endpoints;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use crate::process::{Dev, Ports, livepass};
use sight::{Brought, Sight, is_newest};

const SEED: u64 = 20;
const KILLS: usize = 7;
const PHONES: usize = 12;
/// The last phones are asleep: they hear no push.
const AWAKE: usize = 10;
const PASSES: usize = 6;
/// First downloads while the process is killed, each time.
const NEW_PASSES: usize = 3;
const LOYALTY: &str = "pass.com.example.loyalty";

const PATIENCE: Duration = Duration::from_secs(30);
/// Another process's database, and one that is not there, have no event to wait for.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Between two writes of the backend: publishing stays busy, and does not fall behind for good.
const BACKEND: Duration = Duration::from_millis(50);

/// After these the process may be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// A write has been answered; its record of the stream is on its way.
    Written,
    /// A first download has been answered; the registration is on its way.
    Downloaded,
    /// A registration has been answered; the list call is on its way.
    Registered,
    /// A push has arrived; the list call is on its way.
    Pushed,
    /// A list has been answered; a download is on its way, or nothing.
    Listed,
}

const MOMENTS: [Moment; 5] = [
    Moment::Written,
    Moment::Downloaded,
    Moment::Registered,
    Moment::Pushed,
    Moment::Listed,
];

type Moments = mpsc::UnboundedSender<Moment>;

fn loyalty() -> PassTypeIdentifier {
    LOYALTY.parse().expect("a pass type")
}

/// A phone and what was answered to it.
struct Owner {
    number: usize,
    phone: Mutex<Phone>,
    push_token: String,
    /// Passes whose registration was answered 200 or 201.
    answered: StdMutex<BTreeSet<PassKey>>,
}

#[derive(Debug, Deserialize)]
struct Push {
    /// Milliseconds since the epoch.
    at: u64,
    status: u16,
}

/// The pushes for a phone since the process started; waits until there are more than `seen`.
async fn pushes(
    client: &reqwest::Client,
    endpoints: &Endpoints,
    owner: &Owner,
    seen: usize,
    wait: u32,
) -> reqwest::Result<Vec<Push>> {
    let (url, token) = (&endpoints.control_url, &owner.push_token);
    let url = format!("{url}/pushes?device_token={token}&seen={seen}&wait={wait}");
    client.get(url).send().await?.json().await
}

/// Acts upon each push as Wallet does, until it is dropped.
async fn hear(owner: Arc<Owner>, endpoints: Endpoints) {
    let client = reqwest::Client::new();
    let mut heard = 0;
    loop {
        // APNs dies with the process, and remembers nothing when it is back: counts are compared with a fresh
        // look only, and pushes told apart by their time.
        let found = async {
            let known = pushes(&client, &endpoints, &owner, 0, 0).await?;
            match known.iter().any(|push| push.at > heard) {
                true => Ok(known),
                false => pushes(&client, &endpoints, &owner, known.len(), 25).await,
            }
        };
        let Ok(found) = found.await as reqwest::Result<Vec<Push>> else {
            tokio::time::sleep(LOOK_AGAIN).await;
            continue;
        };
        let mut phone = owner.phone.lock().await;
        for push in found.iter().filter(|push| push.at > heard) {
            assert_eq!(push.status, 200, "no token is wrong here");
            phone.on_push(&loyalty()).await.expect("answered in the end");
        }
        heard = found.iter().map(|push| push.at).max().unwrap_or(heard).max(heard);
    }
}

/// Notes what is answered to a phone, and tells of it.
async fn watch(owner: Arc<Owner>, mut events: mpsc::UnboundedReceiver<Event>, moments: Moments) {
    while let Some(event) = events.recv().await {
        let moment = match event {
            Event::Pushed { .. } => Moment::Pushed,
            Event::Exchanged(exchange) => {
                let succeeded = matches!(exchange.status, Some(200 | 201 | 204));
                let registers = exchange.path.contains("/registrations/");
                match exchange.method.as_str() {
                    "POST" if registers && succeeded => {
                        let serial = exchange.path.rsplit('/').next().expect("a serial");
                        let key = PassKey::parse(LOYALTY, serial).expect("a key");
                        owner.answered.lock().unwrap().insert(key);
                        Moment::Registered
                    }
                    "GET" if registers && succeeded => Moment::Listed,
                    "GET" if exchange.path.starts_with("/add/") && succeeded => Moment::Downloaded,
                    _ => continue,
                }
            }
            _ => continue,
        };
        let _ = moments.send(moment);
    }
}

/// Adds a pass, however often it takes.
async fn install(owner: Arc<Owner>, link: String) {
    let mut phone = owner.phone.lock().await;
    loop {
        match phone.add_from_link(&link).await {
            Ok(_) => return,
            // The person taps the link again.
            Err(PhoneError::Link { .. }) => tokio::time::sleep(LOOK_AGAIN).await,
            Err(error) => panic!("phone {}: {error}", owner.number),
        }
    }
}

/// What the backend wrote last. Held during each write: whoever holds it reads the truth, and
/// nothing is written meanwhile.
type Written = Arc<Mutex<BTreeMap<PassKey, u32>>>;

/// Writes one row after the other, each until it is answered.
async fn write(endpoints: Endpoints, written: Written, moments: Moments) {
    let client = stack::dynamodb_client(&endpoints.dynamodb_endpoint).await;
    let mut random = fastrand::Rng::with_seed(SEED);
    for balance in 1000.. {
        let mut written = written.lock().await;
        let keys: Vec<_> = written.keys().cloned().collect();
        let key = &keys[random.usize(..keys.len())];
        while put(&client, &endpoints, key, balance).await.is_err() {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        written.insert(key.clone(), balance);
        drop(written);
        let _ = moments.send(Moment::Written);
        tokio::time::sleep(BACKEND).await;
    }
}

async fn put(
    client: &aws_sdk_dynamodb::Client,
    endpoints: &Endpoints,
    key: &PassKey,
    balance: u32,
) -> Result<(), aws_sdk_dynamodb::Error> {
    let fields = [("balance".to_owned(), AttributeValue::N(balance.to_string()))];
    client
        .put_item()
        .table_name(&endpoints.passes_table)
        .item("serialNumber", AttributeValue::S(key.serial.to_string()))
        .item("passTypeIdentifier", AttributeValue::S(key.pass_type.to_string()))
        .item("template", AttributeValue::S("loyalty".to_owned()))
        .item("fields", AttributeValue::M(fields.into()))
        .send()
        .await?;
    Ok(())
}

fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("after 1970").as_secs()
}

fn link(dir: &std::path::Path, key: &PassKey) -> String {
    let output = livepass()
        .args(["link", "--serial", key.serial.as_str(), "--dir"])
        .arg(dir)
        .output()
        .expect("livepass runs");
    String::from_utf8(output.stdout).expect("a link").trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_that_is_killed_again_and_again_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let ports = Ports::free();
    let (mut dev, endpoints) = Dev::ready(dir.path(), &ports);
    let client = stack::dynamodb_client(&endpoints.dynamodb_endpoint).await;
    let sight = Sight {
        registry: Registry::new(client.clone(), &endpoints.registry_table),
        endpoints: endpoints.clone(),
        client: reqwest::Client::new(),
    };
    let (moments, mut happened) = mpsc::unbounded_channel();
    let mut random = fastrand::Rng::with_seed(SEED);

    let mut rows = BTreeMap::new();
    let mut links = Vec::new();
    for number in 0..PASSES {
        let key = PassKey::parse(LOYALTY, &format!("CARD-{number}")).unwrap();
        put(&client, &endpoints, &key, number as u32).await.unwrap();
        links.push((key.clone(), link(dir.path(), &key)));
        rows.insert(key, number as u32);
    }
    let written: Written = Arc::new(Mutex::new(rows));

    // Each phone begins with one pass; those asleep hold all that they will ever hold.
    let mut tasks = JoinSet::new();
    let mut owners = Vec::new();
    let mut to_install = Vec::new();
    let root = pkpass::root_from_pem(&std::fs::read(&endpoints.root_certificate).unwrap()).unwrap();
    for number in 0..PHONES {
        let mut config = PhoneConfig::new(root.clone());
        config.random_seed = Some(SEED + number as u64);
        config.retry_pauses = vec![LOOK_AGAIN; 1000];
        let mut phone = Phone::new(config).unwrap();
        let events = phone.subscribe();
        let owner = Arc::new(Owner {
            number,
            push_token: phone.push_token().expose().to_owned(),
            phone: Mutex::new(phone),
            answered: StdMutex::default(),
        });
        tasks.spawn(watch(owner.clone(), events, moments.clone()));
        random.shuffle(&mut links);
        install(owner.clone(), links[0].1.clone()).await;
        match number {
            0..AWAKE => {
                tasks.spawn(hear(owner.clone(), endpoints.clone()));
                let later = links[1..].iter().map(|(_, link)| (owner.clone(), link.clone()));
                to_install.extend(later.take(KILLS * NEW_PASSES / AWAKE + 1));
            }
            _ => install(owner.clone(), links[1].1.clone()).await,
        }
        owners.push(owner);
    }
    random.shuffle(&mut to_install);
    tasks.spawn(write(endpoints.clone(), written.clone(), moments));

    let mut leases_asleep = BTreeMap::new();
    let (mut by_push, mut by_lease) = (0, 0);
    for round in 0..KILLS {
        while happened.try_recv().is_ok() {}
        let mut installing = JoinSet::new();
        for (owner, link) in to_install.drain(..NEW_PASSES) {
            installing.spawn(install(owner, link));
        }
        // Of each kind at least once, and not always the first.
        let moment = MOMENTS[round % MOMENTS.len()];
        let nth = match moment {
            Moment::Written => random.usize(1..=20),
            Moment::Downloaded | Moment::Registered => random.usize(1..=NEW_PASSES),
            Moment::Pushed | Moment::Listed => random.usize(1..=AWAKE / 2),
        };
        for _ in 0..nth {
            let next = async { while happened.recv().await.expect("somebody tells") != moment {} };
            let waited = tokio::time::timeout(PATIENCE, next).await;
            waited.unwrap_or_else(|_| panic!("kill {round}: {moment:?} does not happen"));
        }
        dev.kill();
        let killed_at = now();
        let answered: Vec<_> = owners
            .iter()
            .map(|owner| owner.answered.lock().unwrap().clone())
            .collect();
        let (restarted, same) = Dev::ready(dir.path(), &ports);
        assert_eq!(same, endpoints);
        dev = restarted;
        eprintln!("kill {round} at {moment:?} {nth}");

        for (owner, answered) in owners.iter().zip(&answered) {
            sight.assert_registered(owner, answered).await;
        }
        while let Some(installed) = installing.join_next().await {
            installed.expect("installed in the end");
        }
        let written = written.lock().await;
        for (key, balance) in written.iter() {
            sight.announced(key, *balance, &owners).await;
        }
        for owner in &owners[..AWAKE] {
            match sight.brings(owner, &written, killed_at).await {
                Brought::ByPush => by_push += 1,
                Brought::ByLease => by_lease += 1,
            }
        }
        for owner in &owners[AWAKE..] {
            let phone = owner.phone.lock().await;
            let lease = sight.device(&phone).await.lease.expect("it has not asked");
            let before = leases_asleep.insert(owner.number, lease);
            // However long all this takes, only the schedule moves it, and counts that.
            let stands = before.is_none_or(|before| match lease.attempts == before.attempts {
                true => lease == before,
                false => lease.attempts > before.attempts && lease.due_at > before.due_at,
            });
            assert!(stands, "phone {} is asleep: {before:?}, {lease:?}", owner.number);
            let pushed = pushes(&sight.client, &endpoints, owner, 0, 0).await.unwrap();
            // One for each attempt, but those that an earlier process has made.
            let made = before.map_or(0, |before| before.attempts + 1);
            let left = lease.attempts + 1 - made;
            assert!(pushed.len() <= left as usize, "no push before its time: {pushed:?}");
        }
    }
    println!("the newest content came by a push {by_push} times, and under a lease {by_lease} times");
    // Whether a push is lost with the process is a matter of microseconds; those asleep show the lease anyway.
    assert!(by_push > 0);

    // When their time comes, the schedule finds those who are asleep.
    let last = leases_asleep.values().map(|lease| lease.due_at).max().unwrap();
    // Long after it, in case one has been moved since.
    let then = Timestamp::from_seconds(last + 7 * 24 * 3600);
    let mut due = Vec::new();
    for shard in 0..DUE_SHARDS {
        due.extend(sight.registry.due(shard, then, None, 100).await.unwrap().devices);
    }
    let written = written.lock().await;
    for (key, balance) in written.iter() {
        sight.announced(key, *balance, &owners).await;
    }
    for owner in &owners[AWAKE..] {
        let mut phone = owner.phone.lock().await;
        assert!(due.contains(&sight.device(&phone).await.key));
        assert!(!is_newest(&phone, &written));
        phone.check_for_updates(&loyalty()).await.unwrap();
        assert!(is_newest(&phone, &written));
    }
    for owner in &owners {
        let (mut unchanged, mut spurious) = (0, 0);
        for complaint in owner.phone.lock().await.complaints() {
            match complaint.grievance {
                // The process was away.
                Grievance::NoAnswer(_) => {}
                // It died between a revision and its devices, and the phone fetched in between.
                Grievance::Unchanged { .. } => unchanged += 1,
                // The phone asked for another reason, just before the push.
                Grievance::SpuriousPush { .. } => spurious += 1,
                _ => panic!("phone {}: {complaint}", owner.number),
            }
        }
        // Of each there are some in a run, over all phones; a process that makes them by itself makes more.
        let counted = format!("phone {}: {unchanged} unchanged, {spurious} spurious", owner.number);
        assert!(unchanged <= KILLS && spurious <= KILLS, "{counted} for {KILLS} kills");
    }
    // They go on for ever, unless something is wrong.
    if let Some(ended) = tasks.try_join_next() {
        panic!("{ended:?}");
    }
    tasks.abort_all();
    drop(written);
    let (ended_well, log) = dev.stop();
    assert!(ended_well, "{log}");
}
