//! Queues.

use std::sync::Arc;
use std::time::Duration;

use aws::queues::{Message, Queue, QueueStore};
use passes::ids::PassKey;
use passes::ports::{SendKeys as _, SendPage as _, StoreError};
use passes::time::Timestamp;
use passes::work::{Hint, KEYS_AT_A_TIME, KeyToPublish, NextPage, PAUSE_AFTER_FAILURE};

use crate::queue_places::QueuePlace;
use crate::scripted::{chain, sqs_answer, unreachable};

/// Each rule for each kind of queue.
macro_rules! for_every_queue {
    ($($rule:ident)*) => {
        for_every_queue!(@ folder [$($rule)*]);
        for_every_queue!(@ sqs [$($rule)*]);
    };
    (@ $kind:ident [$($rule:ident)*]) => {
        mod $kind {
            $(#[tokio::test]
            async fn $rule() {
                if let Some(place) = crate::queue_places::QueuePlace::$kind().await {
                    super::$rule(&place).await;
                }
            })*
        }
    };
}

for_every_queue! {
    a_page_arrives_as_it_was_sent
    as_many_keys_as_one_call_takes_arrive_each_once
    no_keys_are_no_call
    a_key_that_is_to_rest_is_not_given_out_before
}

fn key(serial: usize) -> KeyToPublish {
    KeyToPublish {
        key: PassKey::parse("pass.com.example", &format!("A-{serial}")).unwrap(),
        hint: Hint::EXPLICIT,
    }
}

fn page() -> NextPage {
    NextPage {
        key: key(1).key,
        after: Some("8a1f0e9c".parse().unwrap()),
    }
}

async fn a_page_arrives_as_it_was_sent(place: &QueuePlace) {
    place.queue.send_page(&page()).await.unwrap();
    let (bodies, delayed) = place.waiting().await;
    assert_eq!(delayed, 0);
    let [body] = &bodies[..] else { panic!("{bodies:?}") };
    assert_eq!(Message::parse(body).unwrap(), Message::Page(page()));
}

async fn as_many_keys_as_one_call_takes_arrive_each_once(place: &QueuePlace) {
    let keys: Vec<_> = (0..KEYS_AT_A_TIME).map(key).collect();
    place.queue.send_keys(&keys, Duration::ZERO).await.unwrap();
    let (mut bodies, _) = place.waiting().await;
    bodies.sort();
    let arrived: Vec<_> = bodies.iter().map(|body| Message::parse(body).unwrap()).collect();
    assert_eq!(arrived, keys.into_iter().map(Message::Publish).collect::<Vec<_>>());
}

async fn no_keys_are_no_call(place: &QueuePlace) {
    place.queue.send_keys(&[], Duration::ZERO).await.unwrap();
    assert_eq!(place.waiting().await, (Vec::new(), 0));
}

async fn a_key_that_is_to_rest_is_not_given_out_before(place: &QueuePlace) {
    place.queue.send_keys(&[key(1)], PAUSE_AFTER_FAILURE).await.unwrap();
    assert_eq!(place.waiting().await, (Vec::new(), 1));
}

// ---- what an engine never says

const URL: &str = "https://sqs.eu-central-1.amazonaws.com/123456789012/pages";

async fn refused_by(connections: aws::Connections) -> StoreError {
    let clock = Arc::new(|| Timestamp::from_seconds(0));
    let store = QueueStore::from_url(URL, &connections, clock).unwrap();
    Queue::new(store).send_page(&page()).await.unwrap_err()
}

#[tokio::test]
async fn a_missing_grant_is_named_with_its_queue() {
    let denied = sqs_answer(
        403,
        r#"{"__type":"com.amazonaws.sqs#AccessDeniedException","message":"no"}"#,
    )
    .await;
    let error = refused_by(denied).await;
    assert!(matches!(error, StoreError::Refused { .. }), "{error:?}");
    let sentence = chain(&error);
    let named = format!("queue {URL}: access is denied; grant sqs:SendMessage on it");
    assert!(sentence.contains(&named), "{sentence}");
}

#[tokio::test]
async fn a_queue_that_is_away_may_have_taken_the_message() {
    assert!(matches!(
        refused_by(unreachable().await).await,
        StoreError::OutcomeUnknown { .. }
    ));
}

/// The call succeeds, and the message is not in the queue.
#[tokio::test]
async fn a_message_that_was_not_taken_is_an_error_although_the_call_succeeded() {
    let answer = |code: &str, sender: bool| {
        format!(
            r#"{{"Successful":[],"Failed":[{{"Id":"0","Code":"{code}","SenderFault":{sender},"Message":"scripted"}}]}}"#
        )
    };
    let error = refused_by(sqs_answer(200, &answer("InternalError", false)).await).await;
    assert!(matches!(error, StoreError::OutcomeUnknown { .. }), "{error:?}");
    assert!(chain(&error).ends_with("1 of 1 messages were not taken: InternalError"));
    let error = refused_by(sqs_answer(200, &answer("RequestThrottled", true)).await).await;
    assert!(matches!(error, StoreError::Throttled { .. }), "{error:?}");
    let error = refused_by(sqs_answer(200, &answer("InvalidMessageContents", true)).await).await;
    assert!(matches!(error, StoreError::Refused { .. }), "{error:?}");
}
