//! What phones ask of livepass, as Wallet does: it asks again until it is answered.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};

use passes::list::{ListOutcome, list};
use passes::ports::{AnswerList as _, Answering, ReadDevice as _, ReadRevision as _, StoreResult};
use passes::register::{RegisterOutcome, RegistrationLimits, UnregisterOutcome, register, unregister};
use passes::revision::Revision;
use passes::send::{SendOutcome, send};
use passes::tag::{RevisionNumber, UpdateTag};
use passes::time::Clock as _;
use passes::tokens::AuthenticationToken;

use super::actors::{Hands, Killed, device, key, publish_first};
use super::engine::{REGISTRY, marks, number};
use super::invariants::Violation;
use super::material::Content;
use super::mutations::Mutation;
use super::phone::Held;
use super::report::since_start;
use super::wire::{Ask, Verdict};
use super::world::{device_key, pass_of, serial};

/// Calls until a function has answered and its answer has arrived.
async fn ask<T, F>(hands: &Hands, what: &str, mut call: impl FnMut() -> F) -> T
where
    F: Future<Output = StoreResult<T>> + Send,
{
    loop {
        match hands.serve(call()).await {
            Ok(Ok(answer)) => {
                let travel = Ask::Travel { what: what.to_owned() };
                if let Verdict::Travel { arrived: true } = hands.shared.ask(travel).await {
                    return answer;
                }
            }
            Ok(Err(error)) => hands.failed(what, &error),
            Err(Killed) => hands.note(|| format!("{what}: the function dies")),
        }
        hands.shared.ask(Ask::Pause).await;
    }
}

/// Lists, then downloads what the answer named.
pub(super) async fn list_and_fetch(hands: Hands, phone: u8) {
    let asks = {
        let mut world = hands.shared.lock();
        let phone = &mut world.phones[usize::from(phone)];
        std::mem::take(&mut phone.wants_list)
    };
    if asks {
        list_once(&hands, phone).await;
    }
    loop {
        let next = hands.shared.lock().phones[usize::from(phone)].to_fetch.first().copied();
        let Some(pass) = next else {
            return;
        };
        fetch(&hands, phone, pass).await;
        hands.shared.lock().phones[usize::from(phone)].to_fetch.remove(&pass);
    }
}

async fn list_once(hands: &Hands, phone: u8) {
    let call = || {
        let (since, registered) = {
            let world = hands.shared.lock();
            (
                world.phones[usize::from(phone)].tag,
                world.watch.registered_passes(phone),
            )
        };
        async move {
            let asked = hands.store.listed_since(since).map(UpdateTag::new);
            let outcome = match hands.store.has(Mutation::ForeignTagBelieved) {
                true => list_plainly(hands, phone, asked).await?,
                false => list(&hands.store, &hands.clock, &device(phone), asked).await?,
            };
            let (serials, tag) = match outcome {
                ListOutcome::NothingNew => {
                    hands.note(|| format!("list since {} -> nothing new", since_start(since)));
                    return Ok(None);
                }
                ListOutcome::Changed { serials, tag } => (serials, tag.value()),
            };
            let serials: Vec<_> = serials.iter().map(ToString::to_string).collect();
            hands.note(|| {
                let (since, tag) = (since_start(since), since_start(Some(tag)));
                format!("list since {since} -> [{}], {tag}", serials.join(", "))
            });
            let mut world = hands.shared.lock();
            let device = world.engine.peek(REGISTRY, device_key(phone)).unwrap_or_default();
            // Nothing has come between this answer and its last call, so these are its marks.
            let marks = marks(&device);
            let named = serials
                .iter()
                .filter_map(|serial| {
                    let mark = marks.get(serial).filter(|mark| mark.0 <= tag);
                    Some((pass_of(serial)?, mark.map(|mark| mark.1)))
                })
                .collect();
            let mut answer = world.list_answered(phone, since, tag, named, &registered);
            // After turns in vain the lease stays, and the next call repeats the list.
            answer.repeats = number(&device, "due_at").is_some();
            Ok(Some(answer))
        }
    };
    let Some(answer) = ask(hands, "the list", call).await else {
        return;
    };
    let mut world = hands.shared.lock();
    world.list_received(phone, &answer);
    let phone = &mut world.phones[usize::from(phone)];
    phone.tag = Some(answer.tag);
    let named = answer.named.iter().map(|named| named.pass);
    phone
        .to_fetch
        .extend(named.filter(|pass| phone.passes.get(pass).is_some_and(|held| !held.content.let_go)));
}

/// For `ForeignTagBelieved`: any tag is compared with the marks, as if this item had given it.
async fn list_plainly(hands: &Hands, phone: u8, since: Option<UpdateTag>) -> StoreResult<ListOutcome> {
    let key = device(phone);
    let Some(found) = hands.store.device(&key).await? else {
        return Ok(ListOutcome::NothingNew);
    };
    let answering = Answering {
        expected_tag: found.tag,
        expected_due_at: found.lease.map(|lease| lease.due_at),
        tag: found.tag,
        now: hands.clock.now(),
    };
    if found.lease.is_some() {
        // A change in between is listed by the next call.
        hands.store.answer(&key, answering).await?;
    }
    let serials = found.changed_since(since.unwrap_or(UpdateTag::new(0)));
    Ok(match serials.is_empty() {
        true => ListOutcome::NothingNew,
        false => ListOutcome::Changed {
            serials,
            tag: found.tag,
        },
    })
}

/// Downloads a pass that the phone holds, unless it is the same still.
async fn fetch(hands: &Hands, phone: u8, pass: u8) {
    let name = serial(pass);
    let key = key(pass);
    loop {
        let Some(held) = hands.shared.lock().phones[usize::from(phone)]
            .passes
            .get(&pass)
            .cloned()
        else {
            return;
        };
        let holds = RevisionNumber::new(held.revision);
        let call = || async {
            let outcome = match send(&hands.store, &key, &held.token, Some(holds)).await? {
                SendOutcome::Modified(revision)
                    if hands.store.has(Mutation::EarlierDateNotModified)
                        && revision.number.value() <= held.revision =>
                {
                    SendOutcome::NotModified(revision)
                }
                outcome => outcome,
            };
            hands.note(|| {
                let shown = match &outcome {
                    SendOutcome::Modified(revision) => {
                        let (number, content) = (revision.number.value(), Content::of(&revision.pass_json));
                        format!("revision {}, {content}", since_start(Some(number)))
                    }
                    SendOutcome::NotModified(_) => "not modified".to_owned(),
                    SendOutcome::Unauthorized => "401".to_owned(),
                };
                format!("get {name}, holds {} -> {shown}", since_start(Some(held.revision)))
            });
            // A restore has put an earlier one back into service; it may be replaced before this arrives.
            let back = hands.shared.lock().watch.put_back.get(&pass).copied();
            Ok((outcome, back))
        };
        let answered = hands.serve(call()).await;
        let (outcome, back) = match answered {
            Ok(Ok(answer)) => {
                let travel = Ask::Travel {
                    what: format!("{name}'s download"),
                };
                match hands.shared.ask(travel).await {
                    Verdict::Travel { arrived: true } => answer,
                    _ => {
                        hands.shared.ask(Ask::Pause).await;
                        continue;
                    }
                }
            }
            Ok(Err(error)) => {
                hands.failed(&format!("get {name}"), &error);
                hands.shared.ask(Ask::Pause).await;
                continue;
            }
            Err(Killed) => {
                hands.note(|| format!("get {name}: the function dies"));
                hands.shared.ask(Ask::Pause).await;
                continue;
            }
        };
        let mut world = hands.shared.lock();
        match outcome {
            SendOutcome::NotModified(_) => {}
            SendOutcome::Unauthorized => {
                let message = format!("phone {} is refused {name}, whose token it has", hands.actor);
                world.violate(Violation::fault(message));
            }
            SendOutcome::Modified(revision) => {
                let number = revision.number.value();
                let put_back = back.is_some_and(|back| number <= back);
                if number == held.revision || (number < held.revision && !put_back) {
                    world.violate(Violation::download(format!(
                        "{} downloads {name} in revision {} and holds {}",
                        hands.actor,
                        since_start(Some(number)),
                        since_start(Some(held.revision)),
                    )));
                }
                if let Some(current) = world.phones[usize::from(phone)].passes.get_mut(&pass)
                    && (current.revision < number || put_back)
                {
                    current.revision = number;
                    current.content = Content::of(&revision.pass_json);
                    // There is nobody left to ask.
                    current.registered &= !current.content.let_go;
                }
            }
        }
        return;
    }
}

/// Everything that a phone has to do with one pass, in Wallet's order.
pub(super) async fn tend(hands: Hands, phone: u8, pass: u8) {
    let index = usize::from(phone);
    let leaving = hands.shared.lock().phones[index].to_unregister.get(&pass).cloned();
    if let Some(token) = leaving {
        leave(&hands, phone, pass, &token).await;
        hands.shared.lock().phones[index].to_unregister.remove(&pass);
    }
    if hands.shared.lock().phones[index].to_install.contains(&pass) {
        let installed = install(&hands, phone, pass).await;
        let mut world = hands.shared.lock();
        let phone = &mut world.phones[index];
        phone.to_install.remove(&pass);
        if installed && phone.passes.get(&pass).is_some_and(|held| !held.content.let_go) {
            phone.to_register.insert(pass);
        }
    }
    // Whatever comes up while the answer is on its way is sent by the next call.
    let registering = {
        let mut world = hands.shared.lock();
        let phone = &mut world.phones[index];
        phone.to_register.remove(&pass) && phone.passes.contains_key(&pass)
    };
    if registering {
        enrol(&hands, phone, pass).await;
        let mut world = hands.shared.lock();
        let lists = !world.setup.taciturn;
        world.phones[index].wants_list |= lists;
    }
    if hands.shared.lock().phones[index].to_refresh.contains(&pass) {
        fetch(&hands, phone, pass).await;
        hands.shared.lock().phones[index].to_refresh.remove(&pass);
    }
}

/// The first download, as behind a link: publishes what has not been published yet.
async fn install(hands: &Hands, phone: u8, pass: u8) -> bool {
    let name = serial(pass);
    let published = AtomicBool::new(false);
    let call = || async {
        let key = key(pass);
        if published.load(Ordering::Relaxed) {
            // It may have died before it had looked once more, and finds a revision now: whoever
            // writes the row next, or publishes it again, mends what it has left.
            hands.shared.lock().copy_comes_again(pass);
        }
        if let Some(revision) = hands.store.revision(&key).await? {
            return Ok(Some(revision));
        }
        published.store(true, Ordering::Relaxed);
        publish_first(hands, pass).await?;
        hands.store.revision(&key).await
    };
    let revision: Option<Revision> = ask(hands, &format!("{name}'s first download"), call).await;
    let Some(revision) = revision else {
        hands.note(|| format!("{name} is not there yet"));
        return false;
    };
    let held = Held {
        revision: revision.number.value(),
        content: Content::of(&revision.pass_json),
        token: revision.token,
        registered: false,
    };
    hands.note(|| {
        format!(
            "installs {name}, revision {}, {}",
            since_start(Some(held.revision)),
            held.content
        )
    });
    hands.shared.lock().phones[usize::from(phone)].passes.insert(pass, held);
    true
}

async fn enrol(hands: &Hands, phone: u8, pass: u8) {
    let name = serial(pass);
    let registration = device(phone).registration(&key(pass).serial);
    let call = || {
        let (push_token, token) = {
            let world = hands.shared.lock();
            let phone = &world.phones[usize::from(phone)];
            (phone.push_token.clone(), phone.passes[&pass].token.clone())
        };
        let (name, registration) = (&name, &registration);
        async move {
            let parsed = push_token.parse().expect("hexadecimal");
            let limits = RegistrationLimits {
                serials_per_device: 100,
                devices_per_pass: 100,
            };
            let outcome = register(&hands.store, &hands.clock, registration, &token, &parsed, limits).await?;
            hands.note(|| format!("registers {name} with token {push_token} -> {outcome:?}"));
            hands.shared.lock().token_stored(phone, &push_token);
            Ok(outcome)
        }
    };
    let outcome = ask(hands, &format!("registering {name}"), call).await;
    let mut world = hands.shared.lock();
    match outcome {
        RegisterOutcome::Registered | RegisterOutcome::AlreadyRegistered => {}
        refused => world.violate(Violation::fault(format!("{}: {name}: {refused:?}", hands.actor))),
    }
    if let Some(held) = world.phones[usize::from(phone)].passes.get_mut(&pass) {
        held.registered = !held.content.let_go;
    }
}

async fn leave(hands: &Hands, phone: u8, pass: u8, token: &AuthenticationToken) {
    let name = serial(pass);
    let key = key(pass);
    let call = || async {
        let device = Some(device(phone).device);
        let outcome = unregister(&hands.store, &hands.clock, &key, device, token).await?;
        hands.note(|| format!("unregisters {name} -> {outcome:?}"));
        Ok(outcome)
    };
    if ask(hands, &format!("unregistering {name}"), call).await == UnregisterOutcome::Unauthorized {
        let violation = Violation::fault(format!("{}: {name}: 401", hands.actor));
        hands.shared.lock().violate(violation);
    }
}
