/// Something that must hold for any bytes.
pub struct Target {
    /// Its name, which is also its folder of seeds.
    pub name: &'static str,
    /// Panics where the code does not keep its promise.
    pub check: fn(&[u8]),
}

/// Every target.
pub const TARGETS: [Target; 7] = [
    Target { name: "websocket", check: crate::websocket },
    Target { name: "json", check: crate::json },
    Target { name: "protobuf", check: crate::protobuf },
    Target { name: "filter", check: crate::filter },
    Target { name: "token", check: crate::token },
    Target { name: "shard", check: crate::shard },
    Target { name: "shards", check: crate::shards },
];
