//! The reference server: the least work that a fan-out takes, with one plain `write` per delivery.
//!
//! It accepts the same sockets and publishes as the service, but checks nothing and keeps nothing: a group is all
//! sockets whose URL carried `g=`, and a publish becomes one prebuilt frame that is written to each of them in turn.

mod envelope;
mod member;
mod publish;

use crate::peer::Reading;
use crate::tls;
use anyhow::{Result, ensure};
use member::Member;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use publish::Publish;
use rustls::ServerConfig;
use slab::Slab;
use std::io::ErrorKind;
use std::sync::Arc;

const LISTENER: Token = Token(usize::MAX);
const EVENTS: usize = 1024;
/// Group numbers come from the generator's URLs; a larger one is a mistake of its.
const GROUPS_MAX: usize = 100_000;

/// Serves until the process is ended.
pub(crate) fn serve(listen: &str, secure: bool) -> Result<()> {
    let tls = if secure { Some(tls::server_config()?) } else { None };
    let mut reference = Reference::listen(listen, tls)?;
    let address = reference.listener.local_addr()?;
    println!("Endpoint=http://{address};AccessKey=reference;Version=1.0;");
    let mut events = Events::with_capacity(EVENTS);
    loop {
        match reference.poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            result => result?,
        }
        for event in &events {
            if event.token() == LISTENER {
                reference.accept()?;
            } else {
                reference.ready(event.token().0, event.is_readable(), event.is_writable())?;
            }
        }
        if reference.accepts_later {
            reference.accept()?;
        }
    }
}

struct Reference {
    poll: Poll,
    /// What sockets are accepted with, if not plain.
    tls: Option<Arc<ServerConfig>>,
    listener: TcpListener,
    members: Slab<Member>,
    /// Members of each group.
    groups: Vec<Vec<usize>>,
    buffer: Vec<u8>,
    publishes: Vec<Publish>,
    frame: Vec<u8>,
    /// Whether clients wait to be accepted whom the poll will not tell of again.
    accepts_later: bool,
}

impl Reference {
    fn listen(listen: &str, tls: Option<Arc<ServerConfig>>) -> Result<Self> {
        let (poll, mut listener) = (Poll::new()?, TcpListener::bind(listen.parse()?)?);
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            tls,
            listener,
            members: Slab::new(),
            groups: Vec::new(),
            buffer: Vec::new(),
            publishes: Vec::new(),
            frame: Vec::new(),
            accepts_later: false,
        })
    }

    fn accept(&mut self) -> Result<()> {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.accepts_later = false;
                    return Ok(());
                }
                // No descriptor is free until sockets have ended whose end waits in the poll.
                Err(error) if error.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()) => {
                    self.accepts_later = true;
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            };
            stream.set_nodelay(true)?;
            let entry = self.members.vacant_entry();
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut stream, Token(entry.key()), interest)?;
            entry.insert(Member::new(match &self.tls {
                Some(config) => tls::server(stream, config.clone())?,
                None => stream.into(),
            }));
        }
    }

    fn ready(&mut self, key: usize, readable: bool, writable: bool) -> Result<()> {
        let Some(member) = self.members.get_mut(key) else {
            return Ok(());
        };
        if writable && member.peer.flush().is_err() {
            self.remove(key);
            return Ok(());
        }
        if !readable {
            return Ok(());
        }
        let joined = member.group;
        let reading = member.receive(&mut self.buffer, &mut self.publishes)?;
        let group = member.group.filter(|_| joined.is_none());
        if let Some(group) = group {
            ensure!(group < GROUPS_MAX, "group {group} is above {GROUPS_MAX}");
            self.groups.resize_with(self.groups.len().max(group + 1), Vec::new);
            self.groups[group].push(key);
        }
        let mut publishes = std::mem::take(&mut self.publishes);
        publishes.drain(..).for_each(|publish| self.deliver(&publish));
        self.publishes = publishes;
        if reading == Reading::Ended {
            self.remove(key);
        }
        Ok(())
    }

    /// Writes the message to each member of its group.
    fn deliver(&mut self, publish: &Publish) {
        let Some(group) = self.groups.get(publish.group) else {
            return;
        };
        let Some(first) = group.first() else { return };
        // All members of a group speak the same subprotocol in every scenario.
        envelope::write(&mut self.frame, self.members[*first].protocol, publish);
        for key in group {
            // A failed write is followed by the socket's end, which removes the member.
            let _ = self.members[*key].peer.send(&self.frame);
        }
    }

    fn remove(&mut self, key: usize) {
        let member = self.members.remove(key);
        if let Some(group) = member.group.and_then(|group| self.groups.get_mut(group)) {
            group.retain(|other| *other != key);
        }
    }
}
