use bytes::Bytes;

/// How an operation succeeds. The statuses are exact: official clients take any other one, even a neighbouring one, for a failure.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Success {
    /// 200 without a body.
    Done,
    /// 202: a message was taken and is on its way.
    Accepted,
    /// 204.
    NoContent,
    /// 200 with a JSON body.
    Document(Bytes),
    /// 204 for a browser that asks which methods it may use.
    Preflight {
        /// The methods of the path.
        allow: &'static str,
    },
}
