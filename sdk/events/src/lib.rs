//! Event-handler middleware for Azure Web PubSub and Hubwire.
