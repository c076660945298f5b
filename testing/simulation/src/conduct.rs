use rand::Rng;

use crate::around::Around;
use crate::client::{Client, Over, Phase};
use crate::payload::{self, Kind};
use crate::session::Speech;

/// Groups that everybody uses.
pub(crate) const GROUPS: [&str; 5] = ["red", "green", "blue", "a b", "grün"];

/// What clients choose to do.
impl Client {
    /// Maybe asks for something, and maybe suffers something.
    pub(crate) fn act(&mut self, around: &mut Around) {
        if !self.is_open() {
            return;
        }
        if around.rng.random_bool(around.plan.cut_chance) {
            return self.suffer(around);
        }
        if !around.rng.random_bool(around.plan.request_chance) {
            return;
        }
        if matches!(self.speech, Speech::Simple(_)) {
            self.publish_simple(around);
        } else {
            self.request(around);
        }
    }

    fn suffer(&mut self, around: &mut Around) {
        let (now_ms, notice_ms_max) = (around.now_ms, around.plan.notice_ms_max);
        let retry_ms = now_ms + around.rng.random_range(0..3000);
        match around.rng.random_range(0..10) {
            0 => self.leave(around),
            1 => {
                // A close frame that is not a goodbye counts as a loss.
                self.send_frame(0x8, &1001_u16.to_be_bytes(), around);
                self.write_out(around);
                self.lose(around, retry_ms);
            }
            2 => {
                around.wires[self.wire].cut(&mut around.rng, now_ms, notice_ms_max);
                self.phase = Phase::Over(Over::Gone);
            }
            3 if !matches!(self.speech, Speech::Simple(_)) => {
                self.send_text(r#"{"type":"nonsense"}"#, around)
            }
            _ => {
                around.wires[self.wire].cut(&mut around.rng, now_ms, notice_ms_max);
                self.lose(around, retry_ms);
            }
        }
    }

    fn publish_simple(&mut self, around: &mut Around) {
        self.serial += 1;
        let text = payload::text(&mut around.rng, &format!("c{}", self.session), self.serial);
        let opcode = around.rng.random_range(1..=2);
        self.send_frame(opcode, text.as_bytes(), around);
    }

    fn request(&mut self, around: &mut Around) {
        let group = GROUPS[around.rng.random_range(0..GROUPS.len())];
        match around.rng.random_range(0..20) {
            0 => self.send_text(r#"{"type":"ping"}"#, around),
            1 => self.ask(r#""type":"event","event":"order","data":1"#, around),
            2..=5 => self.ask(&format!(r#""type":"joinGroup","group":"{group}""#), around),
            6 => self.ask(&format!(r#""type":"leaveGroup","group":"{group}""#), around),
            _ => self.publish(group, around),
        }
    }

    fn publish(&mut self, group: &str, around: &mut Around) {
        self.serial += 1;
        let kind = Kind::any(&mut around.rng);
        let text = payload::text(&mut around.rng, &format!("c{}", self.session), self.serial);
        let no_echo = around.rng.random_bool(0.3);
        let ttl_s = if around.rng.random_bool(0.1) { around.rng.random_range(1..3) } else { 0 };
        let members = format!(
            r#""type":"sendToGroup","group":"{group}","noEcho":{no_echo},"ttlSeconds":{ttl_s},"dataType":"{}","data":{}"#,
            kind.name(),
            kind.member(&text)
        );
        if around.rng.random_bool(0.7) {
            self.ask(&members, around);
        } else {
            self.send_text(&format!("{{{members}}}"), around);
        }
    }
}
