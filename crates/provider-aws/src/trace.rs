//! Notes the address that a request goes to, so that a failed connection can be told with it.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextMut,
};
use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use std::fmt;

/// Wraps what is wrong with a connection into [`Unreachable`].
#[derive(Debug)]
pub(crate) struct Trace;

/// The address of the request under way.
#[derive(Debug)]
struct Address(String);

impl Storable for Address {
    type Storer = StoreReplace<Self>;
}

/// A connection that could not be made, or broke, and where it was to go.
#[derive(Debug)]
pub(crate) struct Unreachable {
    /// Scheme, host and port.
    pub endpoint: String,
    source: BoxError,
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the connection to {} failed", self.endpoint)
    }
}

impl std::error::Error for Unreachable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.source.as_ref())
    }
}

/// Makes an error of the same kind.
fn kept(error: &ConnectorError) -> impl FnOnce(BoxError) -> ConnectorError + use<> {
    let (timeout, io, user, other) = (error.is_timeout(), error.is_io(), error.is_user(), error.as_other());
    move |source| match () {
        () if timeout => ConnectorError::timeout(source),
        () if io => ConnectorError::io(source),
        () if user => ConnectorError::user(source),
        () => ConnectorError::other(source, other),
    }
}

impl Intercept for Trace {
    fn name(&self) -> &'static str {
        "Trace"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // Without the query, which is nobody's business.
        let uri = context.request().uri();
        let end = uri.find("://").and_then(|at| uri[at + 3..].find('/').map(|slash| at + 3 + slash));
        let address = end.map_or(uri, |end| &uri[..end]).to_owned();
        cfg.interceptor_state().store_put(Address(address));
        Ok(())
    }

    fn modify_before_attempt_completion(
        &self,
        context: &mut FinalizerInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(Address(endpoint)) = cfg.load::<Address>() else { return Ok(()) };
        let Some(Err(error)) = context.output_or_error_mut() else { return Ok(()) };
        let Some(connector) = error.as_connector_error() else { return Ok(()) };
        let remake = kept(connector);
        let endpoint = endpoint.clone();
        let source = std::mem::replace(error, OrchestratorError::other("replaced"));
        let source: BoxError = source.into();
        *error = OrchestratorError::connector(remake(Box::new(Unreachable { endpoint, source })));
        Ok(())
    }
}
