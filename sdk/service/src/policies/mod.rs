//! Policies of the request pipeline that are this client's own.

mod access_key;
mod reverse_proxy;

pub(crate) use access_key::AccessKeyPolicy;
pub(crate) use reverse_proxy::ReverseProxyPolicy;
