//! Functions of providers: `provider::kubernetes::quantity("500m")`.

use formwork_value::Value;
use formwork_value::function::{FnResult, Signature};

/// A function of a provider, declared by `#[function]`. It is pure: it knows its arguments and nothing else, and gives
/// the same for the same.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name, parameters, type and documentation.
    pub signature: Signature,
    body: fn(&[Value]) -> FnResult,
}

impl Function {
    /// With this signature.
    pub fn pure(signature: Signature, body: fn(&[Value]) -> FnResult) -> Function {
        Function { signature, body }
    }

    /// Calls it: converts the arguments, refuses nulls, and takes care of unknowns and marks.
    pub fn call(&self, args: Vec<Value>) -> FnResult {
        self.signature.call(args, self.body)
    }
}
