//! Service client for Azure Web PubSub and Hubwire.
