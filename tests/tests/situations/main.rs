//! Every situation that `livepass trigger` names, brought about on a stack of its own: the same code
//! that the command runs, with the checks that it makes.

use situations::{Error, Healed, Line, Situation, Target};
use stack::{Stack, StackConfig};
use tempfile::TempDir;
use tokio::sync::Notify;

async fn stack() -> (Stack, Target, TempDir) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let config = StackConfig::on_free_ports(dir.path());
    let stack = Stack::start(config).await.expect("the stack starts");
    let target = Target::of_folder(dir.path()).expect("a stack's folder");
    (stack, target, dir)
}

/// Plays a situation on a fresh stack.
async fn play(situation: Situation) -> Healed {
    let (stack, target, _dir) = stack().await;
    let mut story = String::new();
    let mut tell = |line| {
        let (Line::Sentence(line) | Line::Event(line)) = line;
        story.push_str(&line);
        story.push('\n');
    };
    let healed = situations::run(&target, situation, &mut tell, std::future::pending()).await;
    let healed = healed.unwrap_or_else(|error| panic!("{error}, after\n{story}"));
    println!("{story}");
    assert!(healed.updates > 0, "no phone ever showed anything new");
    stack.shutdown().await;
    healed
}

macro_rules! each {
    ($($name:ident $situation:ident;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                play(Situation::$situation).await;
            }
        )*

        const TESTED: &[(&str, Situation)] = &[$((stringify!($name), Situation::$situation),)*];
    };
}

each! {
    lost_push LostPush;
    dead_token_old DeadTokenOld;
    dead_token_new DeadTokenNew;
    too_many_requests TooManyRequests;
    apns_outage ApnsOutage;
    expired_provider_token ExpiredProviderToken;
    crash_during_publish CrashDuringPublish;
    redelivered_records RedeliveredRecords;
    reordered_records ReorderedRecords;
    poison_record PoisonRecord;
    throttled_table ThrottledTable;
    transaction_conflict TransactionConflict;
    clock_set_back ClockSetBack;
    deletion_burst DeletionBurst;
    template_rolled_back TemplateRolledBack;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_interrupted_is_taken_back() {
    let (stack, target, _dir) = stack().await;
    let turned = Notify::new();
    let mut tell = |line| {
        if matches!(line, Line::Event(event) if event.starts_with("clock")) {
            turned.notify_one();
        }
    };
    let outage = situations::run(&target, Situation::ApnsOutage, &mut tell, turned.notified()).await;
    assert!(matches!(outage, Err(Error::Interrupted)), "{outage:?}");
    let clock = reqwest::get(format!("{}/clock", stack.endpoints().control_url)).await;
    let clock: serde_json::Value = clock.expect("an answer").json().await.expect("JSON");
    assert_eq!(clock["ahead_ms"], 0);
    // APNs would still be out, if it were not back.
    let after = situations::run(&target, Situation::LostPush, &mut |_| {}, std::future::pending()).await;
    assert_eq!(after.expect("healed").pushes, 2);
}

/// All pushes get lost, so nothing heals.
#[tokio::test(flavor = "multi_thread")]
async fn of_what_has_not_healed_the_passes_are_left_until_the_next_and_nothing_else() {
    let (stack, target, _dir) = stack().await;
    let url = stack.endpoints().control_url.clone();
    let begun = Notify::new();
    let mut tell = |line| {
        if matches!(line, Line::Event(_)) {
            begun.notify_one();
        }
    };
    let sabotage = async {
        begun.notified().await;
        let lost = serde_json::json!({"device_token": "*", "status": 200, "lost": true});
        let set = reqwest::Client::new()
            .post(format!("{url}/apns"))
            .json(&lost)
            .send()
            .await;
        assert!(set.expect("an answer").status().is_success());
    };
    let played = situations::run(&target, Situation::LostPush, &mut tell, std::future::pending());
    let (failed, ()) = tokio::join!(played, sabotage);
    let error = failed.expect_err("not healed").to_string();
    assert!(
        error.starts_with("not healed: ") && error.contains("until the next situation is played: TRIGGER-"),
        "{error}"
    );
    let read = async |path: &str| {
        let answer = reqwest::get(format!("{url}{path}")).await.expect("an answer");
        answer.json::<serde_json::Value>().await.expect("JSON")
    };
    assert_eq!(read("/clock").await["ahead_ms"], 0);
    assert_eq!(read("/apns").await["to_all"], serde_json::Value::Null);

    let mut story = String::new();
    let mut tell = |line| {
        let (Line::Sentence(line) | Line::Event(line)) = line;
        story.push_str(&line);
    };
    let after = situations::run(&target, Situation::LostPush, &mut tell, std::future::pending()).await;
    after.expect("healed");
    assert!(
        story.starts_with("What an earlier situation has left is taken back"),
        "{story}"
    );
    stack.shutdown().await;
}

#[test]
fn every_situation_has_a_test_of_its_name() {
    let tested: Vec<_> = TESTED.iter().map(|(_, situation)| *situation).collect();
    assert_eq!(tested, Situation::ALL);
    for (test, situation) in TESTED {
        assert_eq!(test.replace('_', "-"), situation.name());
    }
}

#[test]
fn every_situation_is_described_under_its_name() {
    let docs = include_str!("../../../docs/situations.md");
    let sections: Vec<_> = docs.split("\n## ").skip(1).collect();
    let described: Vec<_> = sections
        .iter()
        .map(|section| section.lines().next().unwrap_or_default())
        .collect();
    let names: Vec<_> = Situation::ALL.iter().map(|situation| situation.name()).collect();
    assert_eq!(described, names);
    for section in sections {
        let text = section.replace('\n', " ");
        for part in ["You see ", "In AWS: "] {
            assert!(text.contains(part), "{part:?} is missing in:\n{section}");
        }
    }
}
