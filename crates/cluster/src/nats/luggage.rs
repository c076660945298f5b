//! Sessions as bytes, and back.

use hubwire_auth::{Pattern, Permission, PermissionRule, Permissions, RuleGroups};
use hubwire_hub::{KeptMessage, Luggage, OpenStream};
use hubwire_protocol::protobuf::SequencedMember;
use hubwire_protocol::{GroupName, GroupStateItem, Head, HubName, Subprotocol, UserId};

use super::decode::{self, DecodeError};
use super::encode;
use super::schema::{self, HeadKind};

pub(crate) fn encode(luggage: &Luggage) -> schema::Luggage {
    let names = |groups: &[GroupName]| groups.iter().map(|group| group.as_str().to_owned()).collect();
    schema::Luggage {
        last: false,
        connection: encode::connection(luggage.id),
        hub: luggage.hub.as_str().to_owned(),
        user: luggage.user.as_ref().map(|user| user.as_str().to_owned()),
        permissions: luggage.permissions.rules().into_iter().map(rule).collect(),
        subprotocol: luggage.subprotocol.name().to_owned(),
        spelling: luggage.spelling.as_deref().map(str::to_owned),
        origin: (*luggage.origin).to_owned(),
        state: luggage.state.clone(),
        events: luggage.events,
        groups: names(&luggage.groups),
        ack_ids: luggage.ack_ids.iter().flat_map(|(first, last)| [*first, *last]).collect(),
        last_sequence_id: luggage.last_sequence_id,
        unacknowledged: luggage.unacknowledged.iter().map(kept).collect(),
        streams: luggage.streams.iter().map(stream).collect(),
        states: luggage.states.iter().map(|(group, item)| state(group, item)).collect(),
        subscriptions: names(&luggage.subscriptions),
        state_changed_ms: luggage.state_changed_ms,
        complete: Vec::new(),
        position: luggage.position,
        positions: luggage.positions.iter().flat_map(|(id, position)| [*id, *position]).collect(),
    }
}

/// A client's own state in a group.
pub(crate) fn state(group: &GroupName, item: &GroupStateItem) -> schema::OwnState {
    schema::OwnState { group: group.as_str().to_owned(), item: Some(encode::state_item(item)) }
}

pub(crate) fn decode_state(state: &schema::OwnState) -> Result<(GroupName, GroupStateItem), DecodeError> {
    let item = state.item.as_ref().ok_or(DecodeError::Part("a state"))?;
    Ok((GroupName::parse(&state.group)?, decode::state_item(item)?))
}

fn rule(rule: PermissionRule) -> schema::PermissionRule {
    let (group, pattern) = match &rule.groups {
        RuleGroups::All => (None, None),
        RuleGroups::One(group) => (Some((**group).to_owned()), None),
        RuleGroups::Matching(pattern) => (None, Some(pattern.to_string())),
    };
    let permission = rule.permission.as_str().to_owned();
    schema::PermissionRule { permission, group, pattern, allowed: rule.allowed }
}

fn kept(kept: &KeptMessage) -> schema::KeptMessage {
    let head = match kept.head {
        Head::None => HeadKind::None,
        Head::Json => HeadKind::Json,
        Head::Protobuf(SequencedMember::Data) => HeadKind::ProtobufData,
        Head::Protobuf(SequencedMember::GroupStateUpdate) => HeadKind::ProtobufUpdate,
        Head::Protobuf(SequencedMember::GroupStateSnapshot) => HeadKind::ProtobufSnapshot,
    };
    schema::KeptMessage {
        sequence_id: kept.sequence_id,
        head: head.into(),
        data: kept.bytes.clone(),
        left_ms: kept.left_ms,
    }
}

fn stream(stream: &OpenStream) -> schema::OpenStream {
    schema::OpenStream {
        stream_id: (*stream.stream_id).to_owned(),
        group: stream.group.as_str().to_owned(),
        metadata: stream.metadata.as_ref().map(encode::metadata),
        no_echo: stream.no_echo,
        ttl_s: stream.ttl_s.into(),
        idle_timeout_ms: stream.idle_timeout_ms,
        expected: stream.expected,
        opened: stream.opened,
    }
}

pub(crate) fn decode(luggage: schema::Luggage) -> Result<Luggage, DecodeError> {
    let names =
        |groups: &[String]| groups.iter().map(|group| GroupName::parse(group)).collect::<Result<_, _>>();
    let rules: Vec<_> = luggage.permissions.into_iter().map(decode_rule).collect::<Result<_, _>>()?;
    Ok(Luggage {
        id: decode::connection(&luggage.connection)?,
        hub: HubName::parse(&luggage.hub)?,
        user: luggage.user.as_deref().map(UserId::from_token),
        permissions: Permissions::from_rules(rules),
        subprotocol: Subprotocol::from_offer(&luggage.subprotocol)
            .ok_or(DecodeError::Part("the subprotocol of a session"))?,
        spelling: luggage.spelling.map(Into::into),
        origin: luggage.origin.into(),
        state: luggage.state,
        events: luggage.events,
        groups: names(&luggage.groups)?,
        ack_ids: luggage.ack_ids.as_chunks::<2>().0.iter().map(|[first, last]| (*first, *last)).collect(),
        last_sequence_id: luggage.last_sequence_id,
        unacknowledged: luggage.unacknowledged.into_iter().map(decode_kept).collect::<Result<_, _>>()?,
        streams: luggage.streams.into_iter().map(decode_stream).collect::<Result<_, _>>()?,
        states: luggage.states.iter().map(decode_state).collect::<Result<_, _>>()?,
        subscriptions: names(&luggage.subscriptions)?,
        state_changed_ms: luggage.state_changed_ms,
        position: luggage.position,
        positions: luggage.positions.as_chunks::<2>().0.iter().map(|[id, place]| (*id, *place)).collect(),
        missed: false,
    })
}

fn decode_rule(rule: schema::PermissionRule) -> Result<PermissionRule, DecodeError> {
    let permission = Permission::ALL.into_iter().find(|known| known.as_str() == rule.permission);
    let groups = match (rule.group, rule.pattern) {
        (None, None) => RuleGroups::All,
        (Some(group), None) => RuleGroups::One(group.into()),
        (None, Some(pattern)) => RuleGroups::Matching(
            Pattern::parse(&pattern).map_err(|_| DecodeError::Part("the pattern of a permission"))?,
        ),
        _ => return Err(DecodeError::Part("the groups of a permission")),
    };
    let permission = permission.ok_or(DecodeError::Part("a permission"))?;
    Ok(PermissionRule { permission, groups, allowed: rule.allowed })
}

fn decode_kept(kept: schema::KeptMessage) -> Result<KeptMessage, DecodeError> {
    let head = match HeadKind::try_from(kept.head) {
        Ok(HeadKind::None) => Head::None,
        Ok(HeadKind::Json) => Head::Json,
        Ok(HeadKind::ProtobufData) => Head::Protobuf(SequencedMember::Data),
        Ok(HeadKind::ProtobufUpdate) => Head::Protobuf(SequencedMember::GroupStateUpdate),
        Ok(HeadKind::ProtobufSnapshot) => Head::Protobuf(SequencedMember::GroupStateSnapshot),
        Err(_) => return Err(DecodeError::Part("the kind of a kept message")),
    };
    Ok(KeptMessage { sequence_id: kept.sequence_id, head, bytes: kept.data, left_ms: kept.left_ms })
}

fn decode_stream(stream: schema::OpenStream) -> Result<OpenStream, DecodeError> {
    Ok(OpenStream {
        stream_id: stream.stream_id.into(),
        group: GroupName::parse(&stream.group)?,
        metadata: stream.metadata.map(decode::metadata).transpose()?,
        no_echo: stream.no_echo,
        ttl_s: u16::try_from(stream.ttl_s).map_err(|_| DecodeError::Part("a time to live"))?,
        idle_timeout_ms: stream.idle_timeout_ms,
        expected: stream.expected,
        opened: stream.opened,
    })
}
