use std::error::Error as StdError;
use std::sync::Arc;

use bytes::Bytes;
use http_body::Body;
use hubwire_filter::Filter;
use hubwire_hub::{
    Envelope, Fact, Happening, MessageId, Observer, Published, Span, Target, TraceContext, Work,
};
use hubwire_protocol::{ConnectionId, Data, Message, Metadata, Sender, TTL_S_MAX};

use crate::body;
use crate::call::Call;
use crate::content_type::{ContentType, MediaType};
use crate::error::Error;
use crate::query::number;
use crate::success::Success;

/// The media types that a message can have.
const SUPPORTED: &str =
    "application/octet-stream, text/plain, application/json; charsets: utf-8, us-ascii, iso-8859-1, utf-16";

/// A message on its way, whose path and query are checked; its body is not looked at yet.
pub(crate) struct Publish {
    /// `None` for a connection that cannot exist: the message is checked and taken all the same.
    target: Option<Target>,
    sender: Sender,
    excluded: Arc<[ConnectionId]>,
    filter: Option<Arc<Filter>>,
    ttl_s: u16,
}

impl Publish {
    /// POST `/api/hubs/{hub}/:send`.
    pub(crate) fn to_all(call: &Call<'_>) -> Result<Self, Error> {
        Self::check(call, Some(Target::Hub), Sender::Server)?.with_excluded(call).with_filter(call)
    }

    /// POST `/api/hubs/{hub}/groups/{group}/:send`. Recipients see the group as the origin, without a user.
    pub(crate) fn to_group(call: &Call<'_>) -> Result<Self, Error> {
        let group = call.group()?;
        let sender = Sender::Group { group: group.clone(), user: None };
        Self::check(call, Some(Target::Group(group)), sender)?.with_excluded(call).with_filter(call)
    }

    /// POST `/api/hubs/{hub}/users/{userId}/:send`. It has no exclusions.
    pub(crate) fn to_user(call: &Call<'_>) -> Result<Self, Error> {
        Self::check(call, Some(Target::User(call.user()?)), Sender::Server)?.with_filter(call)
    }

    /// POST `/api/hubs/{hub}/connections/{connectionId}/:send`. It has neither exclusions nor a filter.
    pub(crate) fn to_connection(call: &Call<'_>) -> Result<Self, Error> {
        let target = call.connection()?.id.map(Target::Connection);
        Self::check(call, target, Sender::Server)
    }

    /// Checks what all sends have in the query. Clients of the service never see an unknown target: they get 202 as for any other.
    fn check(call: &Call<'_>, target: Option<Target>, sender: Sender) -> Result<Self, Error> {
        let ttl_s = ttl_s(call)?;
        Ok(Self { target, sender, excluded: Arc::default(), filter: None, ttl_s })
    }

    fn with_excluded(self, call: &Call<'_>) -> Self {
        Self { excluded: call.excluded(), ..self }
    }

    fn with_filter(self, call: &Call<'_>) -> Result<Self, Error> {
        Ok(Self { filter: call.filter()?, ..self })
    }

    /// Reads the message and hands it to the hub.
    ///
    /// # Errors
    /// The first rule that length, content type, body or metadata break, in this order; [`Error::Busy`].
    pub(crate) async fn send<B>(self, call: &Call<'_>, body: B) -> Result<Success, Error>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        body::check_length(call.headers, call.options)?;
        let content_type = ContentType::of(call.headers).ok_or(Error::MediaType { supported: SUPPORTED })?;
        let data = data(content_type, body::read(body, call.options).await?)?;
        let metadata = crate::metadata::of(call.headers)?;
        self.hand_over(call, data, metadata).await?;
        Ok(Success::Accepted)
    }

    async fn hand_over(self, call: &Call<'_>, data: Data, metadata: Option<Metadata>) -> Result<(), Error> {
        let Self { target: Some(target), sender, excluded, filter, ttl_s } = self else {
            return Ok(());
        };
        let message = Message::new(sender, data, metadata);
        let (accepted_us, watched) = (call.begun_us, call.observer.is_watching());
        let message_id = if watched { call.observer.next_message() } else { MessageId::default() };
        let cause = call.observer.begin(call.cause);
        let envelope = Envelope {
            cause,
            excluded,
            filter,
            accepted_us,
            message_id,
            ttl_s,
            ..Envelope::new(call.hub.clone(), target, message)
        };
        let published = watched.then(|| published(&envelope));
        let span = span(call.observer, call.cause, &envelope);
        call.router.accept(envelope).await?;
        if let Some(span) = span {
            call.observer.end(Span { ended_us: call.clock.monotonic_us(), ..span });
        }
        if let Some(published) = published {
            call.observer.observe(None, vec![published], 0);
        }
        Ok(())
    }
}

/// What whoever watches is told of a message.
fn published(envelope: &Envelope) -> Fact {
    let (mut group, mut user, mut connection) = (None, None, None);
    match &envelope.target {
        Target::Hub => {}
        Target::Group(name) => group = Some(name.clone()),
        Target::User(name) => user = Some(name.clone()),
        Target::Connection(id) => connection = Some(*id),
    }
    let happening = Happening::Published(Box::new(Published::of(envelope)));
    Fact { group, user, connection, ..Fact::of_hub(Some(envelope.hub.clone()), happening) }
}

/// What whoever collects spans is told of a message once it is handed over.
fn span(observer: &dyn Observer, cause: Option<TraceContext>, envelope: &Envelope) -> Option<Span> {
    let context = envelope.cause.filter(|context| observer.collects_spans() && context.sampled)?;
    let work = Work::Publish(envelope.message.data.bytes().len());
    Some(Span::new(context, cause, (0, 0), work).about(&envelope.hub, &envelope.target))
}

fn ttl_s(call: &Call<'_>) -> Result<u16, Error> {
    let Some(text) = call.query.first("messageTtlSeconds") else {
        return Ok(0);
    };
    let ttl_s = number(text, 0..=u32::from(TTL_S_MAX)).ok_or(Error::MessageTtl)?;
    u16::try_from(ttl_s).map_err(|_| Error::MessageTtl)
}

fn data(content_type: ContentType, body: Bytes) -> Result<Data, Error> {
    Ok(match content_type.media_type {
        MediaType::Binary => Data::Binary(body),
        MediaType::Text => Data::Text(content_type.charset.to_utf8(body)?),
        MediaType::Json => Data::Json(payload(body::document(body, content_type.charset)?)?),
    })
}

/// A JSON payload that clients can be shown. Official clients take a message whose data is null for a broken one: JavaScript drops it, and
/// .NET drops its connection. Clients cannot send null either.
fn payload(document: Bytes) -> Result<Bytes, Error> {
    if document.trim_ascii() == b"null" { Err(Error::Json) } else { Ok(document) }
}
