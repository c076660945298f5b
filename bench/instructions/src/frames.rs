use hubwire_protocol::{Data, GroupName, Message, Sender, UserId};

/// 64 bytes, as in the tables of docs/performance.md.
pub const PAYLOAD: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A client's publish to the group `room`.
pub fn request() -> String {
    format!(r#"{{"type":"sendToGroup","group":"room","dataType":"text","data":"{PAYLOAD}","ackId":7}}"#)
}

/// The same as a masked frame.
pub fn request_frame() -> Vec<u8> {
    let request = request();
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![0x81, 0x80 | 126];
    frame.extend((request.len() as u16).to_be_bytes());
    frame.extend(mask);
    frame.extend(request.bytes().zip(mask.into_iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// What the group's members get of it.
pub fn message() -> Message {
    let sender = Sender::Group { group: group(), user: Some(UserId::from_token("alice")) };
    Message::new(sender, Data::Text(PAYLOAD.into()), None)
}

pub(crate) fn group() -> GroupName {
    GroupName::parse("room").expect("the name is valid")
}
