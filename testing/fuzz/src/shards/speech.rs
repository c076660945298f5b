use arbitrary::{Result, Unstructured};

use super::client::Client;

/// What clients say; `G` stands for a group, `N` for a small number.
const TEXTS: [&str; 18] = [
    r#"{"type":"joinGroup","group":"G","ackId":N}"#,
    r#"{"type":"joinGroup","group":"G"}"#,
    r#"{"type":"leaveGroup","group":"G","ackId":N}"#,
    r#"{"type":"sendToGroup","group":"G","dataType":"text","data":"N"}"#,
    r#"{"type":"sendToGroup","group":"G","dataType":"json","data":{"n":N},"noEcho":true,"ackId":N}"#,
    r#"{"type":"sendToGroup","group":"G","dataType":"binary","data":"AAAA","ackId":N}"#,
    r#"{"type":"event","event":"echo","dataType":"text","data":"N","ackId":N}"#,
    r#"{"type":"ping"}"#,
    r#"{"type":"sequenceAck","sequenceId":N}"#,
    r#"{"type":"sendToGroup","group":"G","noEcho":true,"stream":{"streamId":"s","idleTimeoutMs":60}}"#,
    r#"{"type":"streamData","streamId":"s","streamSequenceId":N,"dataType":"text","data":"N"}"#,
    r#"{"type":"streamEnd","streamId":"s"}"#,
    r#"{"type":"invoke","invocationId":"i","target":"event","event":"echo","dataType":"text","data":"N"}"#,
    r#"{"type":"cancelInvocation","invocationId":"i"}"#,
    r#"{"type":"setGroupState","group":"G","state":{"k":"N"},"ackId":N}"#,
    r#"{"type":"setGroupState","group":"G","state":null,"ackId":N}"#,
    r#"{"type":"subscribeGroupState","group":"G","ackId":N}"#,
    r#"{"type":"unsubscribeGroupState","group":"G"}"#,
];
/// Bytes that a client makes up.
const NOISE_BYTES_MAX: usize = 24;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;

/// What a client's socket brings next: a frame of its protocol, one that is spoilt, any frame, or any bytes.
pub(super) fn sent(input: &mut Unstructured<'_>, client: &Client) -> Result<Vec<u8>> {
    Ok(match input.int_in_range(0..=15)? {
        0 => noise(input)?,
        1 => frame(*input.choose(&[TEXT, BINARY])?, &noise(input)?),
        2 => frame(PING, b"ping"),
        3 => frame(CLOSE, &[3, *input.choose(&[0xe8, 0xe9])?]),
        4 => {
            let mut bytes = frame(TEXT, said(input)?.as_bytes());
            let index = input.choose_index(bytes.len())?;
            bytes[index] ^= input.arbitrary::<u8>()?;
            bytes
        }
        // What a client does that has read all.
        5 | 6 => {
            let heard = client.heard();
            frame(TEXT, format!(r#"{{"type":"sequenceAck","sequenceId":{heard}}}"#).as_bytes())
        }
        _ => frame(TEXT, said(input)?.as_bytes()),
    })
}

fn said(input: &mut Unstructured<'_>) -> Result<String> {
    let group = *input.choose(&["a", "b", "c"])?;
    let number = input.int_in_range(0..=9_u8)?.to_string();
    let text = input.choose(&TEXTS)?.replace("\"G\"", &format!("\"{group}\""));
    Ok(text.replace('N', &number))
}

fn noise(input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let length = input.int_in_range(0..=NOISE_BYTES_MAX)?;
    Ok(input.bytes(length.min(input.len()))?.to_vec())
}

/// A whole frame as a client sends it.
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [1, 2, 3, 4];
    let mut bytes = vec![0x80 | opcode];
    match payload.len() {
        short @ 0..126 => bytes.push(0x80 | short as u8),
        long => {
            bytes.push(0x80 | 126);
            bytes.extend((long as u16).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}
