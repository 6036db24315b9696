//! The few of etcd's messages that are needed, and how they go over the wire. Field numbers are those of etcd's
//! `api/etcdserverpb/rpc.proto`; fields that nobody reads are left out.

use prost::Message;
use std::marker::PhantomData;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// Who answers, and when in the life of the keys.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ResponseHeader {
    #[prost(uint64, tag = "1")]
    pub cluster_id: u64,
    #[prost(uint64, tag = "2")]
    pub member_id: u64,
    #[prost(int64, tag = "3")]
    pub revision: i64,
}

/// Asks for nothing in particular: `SnapshotRequest` and `StatusRequest` have no fields.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Empty {}

/// A piece of the database; the last one is its SHA-256.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SnapshotResponse {
    /// How much of the database is still to come after this piece; the hash does not count.
    #[prost(uint64, tag = "2")]
    pub remaining_bytes: u64,
    #[prost(bytes = "vec", tag = "3")]
    pub blob: Vec<u8>,
}

/// How a member is.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct StatusResponse {
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    #[prost(string, tag = "2")]
    pub version: String,
}

/// A log-in.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(crate) struct AuthenticateRequest {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub password: String,
}

/// The token to send along from then on.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(crate) struct AuthenticateResponse {
    #[prost(string, tag = "2")]
    pub token: String,
}

impl std::fmt::Debug for AuthenticateRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuthenticateRequest")
    }
}

impl std::fmt::Debug for AuthenticateResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuthenticateResponse")
    }
}

/// Protocol buffers, for a request `T` and a response `U`.
pub(crate) struct Wire<T, U>(PhantomData<fn(T) -> U>);

impl<T, U> Wire<T, U> {
    pub fn new() -> Self {
        Wire(PhantomData)
    }
}

impl<T, U> Codec for Wire<T, U>
where
    T: Message + 'static,
    U: Message + Default + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = Writer<T>;
    type Decoder = Reader<U>;

    fn encoder(&mut self) -> Writer<T> {
        Writer(PhantomData)
    }

    fn decoder(&mut self) -> Reader<U> {
        Reader(PhantomData)
    }
}

/// See [`Wire`].
pub(crate) struct Writer<T>(PhantomData<fn(T)>);

/// See [`Wire`].
pub(crate) struct Reader<U>(PhantomData<fn() -> U>);

impl<T: Message + 'static> Encoder for Writer<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, item: T, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(into).map_err(|error| Status::internal(error.to_string()))
    }
}

impl<U: Message + Default + 'static> Decoder for Reader<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        U::decode(from).map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}
