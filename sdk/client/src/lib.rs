//! Realtime client for Azure Web PubSub and Hubwire.
