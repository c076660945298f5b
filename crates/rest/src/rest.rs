use std::error::Error as StdError;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::HOST;
use http::request::Parts;
use http::{Method, Request, Response};
use http_body::Body;
use http_body_util::Full;
use hubwire_hub::{Observer, Router, TraceContext};
use hubwire_protocol::HubName;

use crate::authorization::Authorizer;
use crate::call::Call;
use crate::error::Error;
use crate::intake::Intake;
use crate::observed::{Answered, Place};
use crate::operation::Operation;
use crate::options::{Clock, Options};
use crate::paging::Paging;
use crate::path::Path;
use crate::publish::Publish;
use crate::query::Query;
use crate::route::{Names, Resource};
use crate::success::Success;
use crate::tally::Tally;
use crate::{
    body, connections, groups, health, members, membership, observed, permissions, response, token, users,
    version,
};

/// Answers the requests that one worker receives. Clones are cheap and share everything.
///
/// Make one for each worker: it holds that worker's cache of verified tokens behind a lock that only this worker's thread should touch.
#[derive(Clone)]
pub struct Rest(Arc<Shared>);

struct Shared {
    options: Arc<ArcSwap<Options>>,
    router: Arc<dyn Router>,
    observer: Arc<dyn Observer>,
    clock: Arc<dyn Clock>,
    paging: Paging,
    authorizer: Authorizer,
    intake: Intake,
    tally: Tally,
}

/// A request whose operation is known, before anything in it is checked.
struct Matched<'a> {
    operation: Operation,
    path: &'a Path<'a>,
    names: Names<'a>,
    /// Its span, if it belongs to a distributed trace.
    cause: Option<TraceContext>,
}

impl Rest {
    /// The data plane of one worker.
    ///
    /// Changed options take effect with the next request. `paging_key` signs continuation tokens: give every worker and node the same
    /// one, and the same after a restart, so that a listing can go on anywhere.
    pub fn new(
        options: Arc<ArcSwap<Options>>,
        router: Arc<dyn Router>,
        observer: Arc<dyn Observer>,
        clock: Arc<dyn Clock>,
        paging_key: [u8; 32],
        intake: Intake,
    ) -> Self {
        let (paging, authorizer, tally) = (Paging::new(&paging_key), Authorizer::default(), Tally::default());
        Self(Arc::new(Shared { options, router, observer, clock, paging, authorizer, intake, tally }))
    }

    /// Whether a request with this path is for the data plane.
    pub fn handles(path: &str) -> bool {
        let (root, rest) = path.split_at_checked("/api".len()).unwrap_or_default();
        root.eq_ignore_ascii_case("/api") && (rest.is_empty() || rest.starts_with('/'))
    }

    /// Answers one request. Whatever is wrong with it becomes a response, with the error's code in a header and its text in the body.
    ///
    /// `scheme` is `http` or `https` as the caller of the service used it; links and audiences in answers carry it. Must run within a
    /// tokio runtime that has timers, because the arrival of the body is bounded in time. The future is `Send`.
    pub async fn handle<B>(&self, scheme: &str, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes> + Unpin + Send + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        let options = self.0.options.load_full();
        let begun_us = self.0.clock.monotonic_us();
        let (head, mut body) = request.into_parts();
        let mut place = Place::default();
        let (operation, result) = match Path::decode(head.uri.path()) {
            Ok(path) => self.answer(&options, (scheme, begun_us, &mut place), &head, &path, &mut body).await,
            Err(error) => (Operation::Uncategorized, Err(error)),
        };
        if let Err(error) = &result {
            report(operation, error);
            if !body.is_end_stream() {
                // Beside the answer, which need not wait for it.
                tokio::spawn(body::discard(body, options.clone()));
            }
        }
        let failure = result.as_ref().err().map(|error| (error.outline().code, error.to_string()));
        let response = response::write(&head, result, options.retry_after_s);
        self.0.tally.count(operation, response.status());
        let times_us = (begun_us, self.0.clock.monotonic_us());
        let (status, error) = (response.status(), failure);
        Answered { operation, head: &head, place, status, times_us, error }.tell(&*self.0.observer);
        response
    }

    async fn answer<B>(
        &self,
        options: &Options,
        (scheme, begun_us, place): (&str, u64, &mut Place),
        head: &Parts,
        path: &Path<'_>,
        body: B,
    ) -> (Operation, Result<Success, Error>)
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        let Some((resource, names)) = Resource::find(path) else {
            return (Operation::Uncategorized, Err(Error::UnknownPath));
        };
        let allow = resource.allow;
        match resource.operation(&head.method) {
            Some(operation) => {
                *place = Place::of(&*self.0.observer, &head.headers, operation);
                let matched = Matched { operation, path, names, cause: place.context };
                (operation, self.perform(options, (scheme, begun_us), head, matched, body).await)
            }
            None if head.method == Method::OPTIONS => {
                (Operation::Uncategorized, Ok(Success::Preflight { allow }))
            }
            None => (Operation::Uncategorized, Err(Error::MethodNotAllowed { allow })),
        }
    }

    /// Checks the request from the outside in: version, token, names; then the operation checks what is its own.
    async fn perform<B>(
        &self,
        options: &Options,
        (scheme, begun_us): (&str, u64),
        head: &Parts,
        matched: Matched<'_>,
        body: B,
    ) -> Result<Success, Error>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        let Shared { router, observer, clock, paging, authorizer, intake, .. } = &*self.0;
        let Matched { operation, path, names, cause } = matched;
        let query = Query::parse(head.uri.query())?;
        version::check(&query)?;
        if operation == Operation::HealthCheck {
            return health::check(&**router);
        }
        intake.check_load(operation)?;
        let (authority, now_s) = (authority(head), clock.unix_s());
        authorizer.authorize(options, head, authority, path.as_str(), now_s).await?;
        let hub = HubName::parse(names.hub)?;
        intake.check_pace(options, &hub, begun_us)?;
        let call = Call {
            router: &**router,
            observer: &**observer,
            begun_us,
            cause,
            clock: &**clock,
            options,
            paging,
            now_s,
            scheme,
            authority,
            raw_path: head.uri.path(),
            headers: &head.headers,
            query: &query,
            hub,
            names: &names,
        };
        run(operation, &call, body).await
    }
}

async fn run<B>(operation: Operation, call: &Call<'_>, body: B) -> Result<Success, Error>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    match operation {
        Operation::HealthCheck => health::check(call.router),
        Operation::GenerateClientToken => token::generate(call),
        Operation::SendToAll => Publish::to_all(call)?.send(call, body).await,
        Operation::SendToGroup => Publish::to_group(call)?.send(call, body).await,
        Operation::SendToUser => Publish::to_user(call)?.send(call, body).await,
        Operation::SendToConnection => Publish::to_connection(call)?.send(call, body).await,
        Operation::CloseAllConnections => connections::close_all(call).await,
        Operation::CloseGroupConnections => groups::close(call).await,
        Operation::CloseUserConnections => users::close(call).await,
        Operation::CloseConnection => connections::close_one(call).await,
        Operation::CheckConnectionExists => connections::exists(call).await,
        Operation::CheckGroupExists => groups::exists(call).await,
        Operation::CheckUserExists => users::exists(call).await,
        Operation::ListConnectionsInGroup => members::list(call).await,
        Operation::AddConnectionToGroup => groups::add_connection(call).await,
        Operation::RemoveConnectionFromGroup => groups::remove_connection(call).await,
        Operation::RemoveConnectionFromAllGroups => connections::leave_all_groups(call).await,
        Operation::AddUserToGroup => users::add_to_group(call).await,
        Operation::RemoveUserFromGroup => users::remove_from_group(call).await,
        Operation::RemoveUserFromAllGroups => users::remove_from_all_groups(call).await,
        Operation::AddConnectionsToGroups => membership::add(call, body).await,
        Operation::RemoveConnectionsFromGroups => membership::remove(call, body).await,
        Operation::CheckPermission => permissions::check(call).await,
        Operation::GrantPermission => permissions::grant(call).await,
        Operation::RevokePermission => permissions::revoke(call).await,
        Operation::Uncategorized => Err(Error::UnknownPath),
    }
}

/// The `host[:port]` that the caller used: HTTP/2 has it in the target, HTTP/1 in a header.
fn authority(head: &Parts) -> Option<&str> {
    let target = head.uri.authority().map(|authority| authority.as_str());
    let header = || head.headers.get(HOST)?.to_str().ok();
    let authority = target.or_else(header)?;
    // What stands before an @ names a person, not a place.
    Some(authority.rsplit('@').next().unwrap_or(authority)).filter(|authority| !authority.is_empty())
}

fn report(operation: Operation, error: &Error) {
    let (operation, status) = (operation.name(), error.outline().status.as_u16());
    let cause = StdError::source(error);
    tracing::debug!(target: observed::HTTP, category = observed::HTTP_REQUEST_LOGS, operation, status, %error, cause, "refused a REST request");
}
