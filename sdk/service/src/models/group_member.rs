//! Members of groups and their pages.

use azure_core::{
    fmt::SafeDebug,
    http::pager::{Page, PagerOptions},
};
use serde::Deserialize;

/// A connection that is a member of a group.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct GroupMember {
    /// The id of the connection.
    pub connection_id: String,
    /// The user of the connection; none when it is anonymous.
    pub user_id: Option<String>,
}

/// One page of the members of a group.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ListConnectionsResult {
    /// The members on this page.
    #[serde(default)]
    pub value: Vec<GroupMember>,
    /// Where the next page is; none on the last one.
    pub next_link: Option<String>,
}

#[async_trait::async_trait]
impl Page for ListConnectionsResult {
    type Item = GroupMember;
    type IntoIter = std::vec::IntoIter<GroupMember>;

    async fn into_items(self) -> azure_core::Result<Self::IntoIter> {
        Ok(self.value.into_iter())
    }
}

/// Options of [`WebPubSubGroupClient::list_connections`](crate::WebPubSubGroupClient::list_connections).
#[derive(Clone, Default, SafeDebug)]
pub struct WebPubSubGroupClientListConnectionsOptions<'a> {
    /// How many members a page has at most, from 1 to 200, which is what the service takes when it is not set.
    pub max_page_size: Option<u32>,

    /// How many members are listed at most, over all pages, from 1 to 2147483647. `None` means all.
    pub top: Option<u32>,

    /// Where to begin: the `continuationToken` in the link to a page of an earlier listing. To go on where a
    /// [`Pager`](azure_core::http::Pager) of this program stopped, put its continuation into `method_options`.
    pub continuation_token: Option<String>,

    /// Customisation of the call, as a [`Context`](azure_core::http::Context), and where to go on.
    pub method_options: PagerOptions<'a>,
}

impl WebPubSubGroupClientListConnectionsOptions<'_> {
    /// The same options with all data their own.
    pub fn into_owned(self) -> WebPubSubGroupClientListConnectionsOptions<'static> {
        WebPubSubGroupClientListConnectionsOptions {
            max_page_size: self.max_page_size,
            top: self.top,
            continuation_token: self.continuation_token,
            method_options: PagerOptions {
                context: self.method_options.context.into_owned(),
                continuation: self.method_options.continuation,
            },
        }
    }
}
