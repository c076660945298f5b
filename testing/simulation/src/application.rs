use hubwire_auth::Permission;
use hubwire_filter::Filter;
use hubwire_hub::{Command, Envelope, Subject, Target};
use hubwire_protocol::{ConnectionId, GroupName, HubName, Message, Sender, UserId};
use rand::Rng;
use rand::rngs::StdRng;

use crate::around::Around;
use crate::conduct::GROUPS;
use crate::payload::{self, Kind};
use crate::world::{hub, user};

/// Callers that publish and manage next to each other; what one of them does stays in order.
pub(crate) const CALLERS: usize = 2;

/// The server side of a customer's system: it publishes and manages through REST.
#[derive(Default)]
pub(crate) struct Application {
    serials: [u64; CALLERS],
}

impl Application {
    /// Maybe does something.
    pub(crate) fn act(&mut self, around: &mut Around) {
        if !around.rng.random_bool(around.plan.command_chance) {
            return;
        }
        let caller = around.rng.random_range(0..CALLERS);
        if around.rng.random_bool(0.6) {
            self.publish(caller, around);
        } else {
            let hub = hub(around.rng.random_range(0..2));
            let command = any_command(around);
            issue(caller, &hub, command, around);
        }
    }

    fn publish(&mut self, caller: usize, around: &mut Around) {
        self.serials[caller] += 1;
        let rng = &mut around.rng;
        let text = payload::text(rng, &format!("app{caller}"), self.serials[caller]);
        let (hub, data) = (hub(rng.random_range(0..2)), Kind::any(rng).data(&text));
        let target = any_target(around);
        let sender = match &target {
            Target::Group(group) => Sender::Group { group: group.clone(), user: None },
            _ => Sender::Server,
        };
        let mut envelope = Envelope::new(hub.clone(), target.clone(), Message::new(sender, data, None));
        let excluded: Vec<_> =
            (0..around.rng.random_range(0..2)).filter_map(|_| any_connection(around)).collect();
        envelope.ttl_s = if around.rng.random_bool(0.1) { 1 } else { 0 };
        envelope.filter = if around.rng.random_bool(0.15) { any_filter(&mut around.rng) } else { None };
        let message = around.model.accept(payload::identity(&text));
        if envelope.filter.is_none() {
            around.model.oblige(message, &hub, &target, &excluded);
        }
        envelope.excluded = excluded.into();
        let sender = around.plan.workers + caller;
        around.router.publish(sender, &envelope, around.now_ms, &mut around.rng);
    }
}

/// Sends a command on behalf of a caller.
pub(crate) fn issue(caller: usize, hub: &HubName, command: Command, around: &mut Around) {
    let (sender, sessions) = (around.plan.workers + caller, around.model.sessions.len());
    around.router.execute(sender, hub, command, sessions, (around.now_ms, &mut around.rng));
}

/// When every worker has answered a close, nobody who was meant is left.
pub(crate) fn check_answers(around: &mut Around) {
    let Around { router, model, .. } = around;
    for ticket in router.tickets.iter_mut().filter(|ticket| ticket.unanswered == 0 && !ticket.done) {
        ticket.done = true;
        let (target, excluded) = match &*ticket.command {
            Command::Close { target, excluded, .. } if !matches!(target, Target::Group(_)) => {
                (target, excluded)
            }
            _ => continue,
        };
        let left = model.recipients(None, &ticket.hub, target, excluded, None);
        for index in left.into_iter().filter(|index| *index < ticket.sessions_before) {
            model.complain(format!("client {index} is still there after {:?} was answered", ticket.command));
        }
    }
}

fn any_command(around: &mut Around) -> Command {
    let group = any_group(&mut around.rng);
    let subject = any_subject(around);
    let connection = any_connection(around).unwrap_or(ConnectionId::new(1 << 60, 0));
    let rng = &mut around.rng;
    let permission = [Permission::SendToGroup, Permission::JoinLeaveGroup][rng.random_range(0..2)];
    match rng.random_range(0..14) {
        0..=3 => Command::Join(subject, group),
        4 => Command::Leave(subject, group),
        5 => Command::LeaveAll(subject),
        6 => Command::JoinMatching([group].into(), any_filter(rng)),
        7 => Command::LeaveMatching([group].into(), None),
        8 => Command::Exists(any_target(around)),
        9 => Command::Grant(connection, permission, group),
        10 => Command::Revoke(connection, permission, group),
        11 => Command::List { group, after: None, limit: usize::MAX },
        _ => any_close(around),
    }
}

fn any_close(around: &mut Around) -> Command {
    let target = match any_target(around) {
        // A whole hub is closed at the end only.
        Target::Hub => Target::User(user(0)),
        target => target,
    };
    Command::Close { target, excluded: any_connection(around).into_iter().collect(), reason: "enough".into() }
}

fn any_target(around: &mut Around) -> Target {
    match around.rng.random_range(0..6) {
        0 => Target::Hub,
        1 => Target::User(any_user(&mut around.rng)),
        2 => any_connection(around).map_or(Target::Hub, Target::Connection),
        _ => Target::Group(any_group(&mut around.rng)),
    }
}

fn any_subject(around: &mut Around) -> Subject {
    match any_connection(around) {
        Some(id) if around.rng.random_bool(0.7) => Subject::Connection(id),
        _ => Subject::User(any_user(&mut around.rng)),
    }
}

fn any_connection(around: &mut Around) -> Option<ConnectionId> {
    let sessions = &around.model.sessions;
    (!sessions.is_empty()).then(|| sessions[around.rng.random_range(0..sessions.len())].id)
}

fn any_user(rng: &mut StdRng) -> UserId {
    user(rng.random_range(0..3))
}

pub(crate) fn any_group(rng: &mut StdRng) -> GroupName {
    group(GROUPS[rng.random_range(0..GROUPS.len())])
}

/// One of the names above, which are all valid.
pub(crate) fn group(name: &str) -> GroupName {
    GroupName::parse(name).expect("the name is not blank")
}

fn any_filter(rng: &mut StdRng) -> Option<std::sync::Arc<Filter>> {
    let text = match rng.random_range(0..3) {
        0 => return None,
        1 => format!("userId eq 'user{}'", rng.random_range(0..3)),
        _ => format!("'{}' in groups", GROUPS[rng.random_range(0..GROUPS.len())]),
    };
    Some(Filter::parse(&text).expect("both forms are valid").into())
}
