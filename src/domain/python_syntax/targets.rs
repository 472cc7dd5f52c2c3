//! What CPython's grammar refuses and the parser accepts: targets that cannot be assigned to or deleted, generator
//! expressions without parentheses.

use rustpython_parser::ast::{Comprehension, Constant, ExceptHandler, Expr, Stmt};

use super::{start, Refusal};

/// The first refusal in a tree, in the order of the source's statements.
pub(super) fn refused(suite: &[Stmt], source: &str) -> Option<Refusal> {
    let walk = Walk { source };
    walk.statements(suite)
}

struct Walk<'a> {
    source: &'a str,
}

/// What a target is for: it decides what is allowed and how CPython puts it.
#[derive(Clone, Copy, PartialEq)]
enum Use {
    /// Before `=`.
    Assign,
    /// After `for`, `as`.
    Bind,
    /// After `del`.
    Delete,
}

/// CPython's name for an expression in messages.
fn kind(expression: &Expr) -> &'static str {
    match expression {
        Expr::Attribute(_) => "attribute",
        Expr::Subscript(_) => "subscript",
        Expr::Starred(_) => "starred",
        Expr::Name(_) => "name",
        Expr::List(_) => "list",
        Expr::Tuple(_) => "tuple",
        Expr::Lambda(_) => "lambda",
        Expr::Call(_) => "function call",
        Expr::BoolOp(_) | Expr::BinOp(_) | Expr::UnaryOp(_) => "expression",
        Expr::GeneratorExp(_) => "generator expression",
        Expr::Yield(_) | Expr::YieldFrom(_) => "yield expression",
        Expr::Await(_) => "await expression",
        Expr::ListComp(_) => "list comprehension",
        Expr::SetComp(_) => "set comprehension",
        Expr::DictComp(_) => "dict comprehension",
        Expr::Dict(_) => "dict literal",
        Expr::Set(_) => "set display",
        Expr::JoinedStr(_) | Expr::FormattedValue(_) => "f-string expression",
        Expr::Constant(c) => match c.value {
            Constant::None => "None",
            Constant::Bool(true) => "True",
            Constant::Bool(false) => "False",
            Constant::Ellipsis => "ellipsis",
            _ => "literal",
        },
        Expr::Compare(_) => "comparison",
        Expr::IfExp(_) => "conditional expression",
        Expr::NamedExpr(_) => "named expression",
        Expr::Slice(_) => "slice",
    }
}

fn target(expression: &Expr, purpose: Use) -> Option<Refusal> {
    match expression {
        Expr::Name(_) | Expr::Attribute(_) | Expr::Subscript(_) => None,
        Expr::Tuple(t) => t.elts.iter().find_map(|e| target(e, purpose)),
        Expr::List(t) => t.elts.iter().find_map(|e| target(e, purpose)),
        Expr::Starred(s) if purpose != Use::Delete => target(&s.value, purpose),
        other => {
            let kind = kind(other);
            let message = match (purpose, other) {
                (Use::Delete, _) => format!("cannot delete {kind}"),
                (Use::Assign, Expr::Yield(_) | Expr::YieldFrom(_)) => {
                    "assignment to yield expression not possible".to_owned()
                }
                (Use::Assign, Expr::Constant(c)) if is_keyword(&c.value) => {
                    format!("cannot assign to {kind}")
                }
                (Use::Assign, _) => {
                    format!("cannot assign to {kind} here. Maybe you meant '==' instead of '='?")
                }
                (Use::Bind, _) => format!("cannot assign to {kind}"),
            };
            Some((start(other), message.into()))
        }
    }
}

fn is_keyword(value: &Constant) -> bool {
    matches!(value, Constant::None | Constant::Bool(_))
}

/// The single target of an augmented or annotated assignment.
fn single(expression: &Expr, annotated: bool) -> Option<Refusal> {
    let message = match expression {
        Expr::Name(_) | Expr::Attribute(_) | Expr::Subscript(_) => return None,
        Expr::Tuple(_) | Expr::List(_) if annotated => {
            format!("only single target (not {}) can be annotated", kind(expression))
        }
        _ if annotated => "illegal target for annotation".to_owned(),
        _ => format!("'{}' is an illegal expression for augmented assignment", kind(expression)),
    };
    Some((start(expression), message.into()))
}

impl Walk<'_> {
    fn statements(&self, body: &[Stmt]) -> Option<Refusal> {
        body.iter().find_map(|s| self.statement(s))
    }

    fn all<'e>(&self, expressions: impl IntoIterator<Item = &'e Expr>) -> Option<Refusal> {
        expressions.into_iter().find_map(|e| self.expression(e))
    }

    fn maybe(&self, expression: Option<&Expr>) -> Option<Refusal> {
        expression.and_then(|e| self.expression(e))
    }

    fn statement(&self, statement: &Stmt) -> Option<Refusal> {
        match statement {
            Stmt::Assign(s) => s
                .targets
                .iter()
                .find_map(|t| target(t, Use::Assign))
                .or_else(|| self.all(&s.targets))
                .or_else(|| self.expression(&s.value)),
            Stmt::AugAssign(s) => single(&s.target, false)
                .or_else(|| self.expression(&s.target))
                .or_else(|| self.expression(&s.value)),
            Stmt::AnnAssign(s) => single(&s.target, true)
                .or_else(|| self.expression(&s.target))
                .or_else(|| self.expression(&s.annotation))
                .or_else(|| self.maybe(s.value.as_deref())),
            Stmt::Delete(s) => s
                .targets
                .iter()
                .find_map(|t| target(t, Use::Delete))
                .or_else(|| self.all(&s.targets)),
            Stmt::Expr(s) => self.expression(&s.value),
            Stmt::Return(s) => self.maybe(s.value.as_deref()),
            Stmt::For(s) => target(&s.target, Use::Bind)
                .or_else(|| self.all([&*s.target, &*s.iter]))
                .or_else(|| self.statements(&s.body))
                .or_else(|| self.statements(&s.orelse)),
            Stmt::AsyncFor(s) => target(&s.target, Use::Bind)
                .or_else(|| self.all([&*s.target, &*s.iter]))
                .or_else(|| self.statements(&s.body))
                .or_else(|| self.statements(&s.orelse)),
            Stmt::While(s) => self
                .expression(&s.test)
                .or_else(|| self.statements(&s.body))
                .or_else(|| self.statements(&s.orelse)),
            Stmt::If(s) => self
                .expression(&s.test)
                .or_else(|| self.statements(&s.body))
                .or_else(|| self.statements(&s.orelse)),
            Stmt::With(s) => self.with(&s.items).or_else(|| self.statements(&s.body)),
            Stmt::AsyncWith(s) => self.with(&s.items).or_else(|| self.statements(&s.body)),
            Stmt::Raise(s) => {
                self.maybe(s.exc.as_deref()).or_else(|| self.maybe(s.cause.as_deref()))
            }
            Stmt::Assert(s) => self.expression(&s.test).or_else(|| self.maybe(s.msg.as_deref())),
            Stmt::Try(s) => self
                .statements(&s.body)
                .or_else(|| self.handlers(&s.handlers))
                .or_else(|| self.statements(&s.orelse))
                .or_else(|| self.statements(&s.finalbody)),
            Stmt::TryStar(s) => self
                .statements(&s.body)
                .or_else(|| self.handlers(&s.handlers))
                .or_else(|| self.statements(&s.orelse))
                .or_else(|| self.statements(&s.finalbody)),
            Stmt::FunctionDef(s) => self
                .all(&s.decorator_list)
                .or_else(|| self.arguments(&s.args))
                .or_else(|| self.maybe(s.returns.as_deref()))
                .or_else(|| self.statements(&s.body)),
            Stmt::AsyncFunctionDef(s) => self
                .all(&s.decorator_list)
                .or_else(|| self.arguments(&s.args))
                .or_else(|| self.maybe(s.returns.as_deref()))
                .or_else(|| self.statements(&s.body)),
            Stmt::ClassDef(s) => self
                .all(&s.decorator_list)
                .or_else(|| self.bare_generator(&s.bases, true))
                .or_else(|| self.all(&s.bases))
                .or_else(|| self.all(s.keywords.iter().map(|k| &k.value)))
                .or_else(|| self.statements(&s.body)),
            Stmt::Match(s) => self.expression(&s.subject).or_else(|| {
                s.cases.iter().find_map(|case| {
                    self.maybe(case.guard.as_deref()).or_else(|| self.statements(&case.body))
                })
            }),
            _ => None,
        }
    }

    fn with(&self, items: &[rustpython_parser::ast::WithItem]) -> Option<Refusal> {
        items.iter().find_map(|item| {
            self.expression(&item.context_expr).or_else(|| {
                let bound = item.optional_vars.as_deref()?;
                target(bound, Use::Bind).or_else(|| self.expression(bound))
            })
        })
    }

    fn handlers(&self, handlers: &[ExceptHandler]) -> Option<Refusal> {
        handlers.iter().find_map(|ExceptHandler::ExceptHandler(h)| {
            self.maybe(h.type_.as_deref()).or_else(|| self.statements(&h.body))
        })
    }

    fn arguments(&self, args: &rustpython_parser::ast::Arguments) -> Option<Refusal> {
        let named = args.posonlyargs.iter().chain(&args.args).chain(&args.kwonlyargs);
        let rest = args.vararg.iter().chain(&args.kwarg);
        named.clone().find_map(|a| self.maybe(a.default.as_deref())).or_else(|| {
            let annotations = named.map(|a| &a.def).chain(rest.map(|a| &**a));
            annotations.into_iter().find_map(|a| self.maybe(a.annotation.as_deref()))
        })
    }

    fn comprehension(&self, generators: &[Comprehension]) -> Option<Refusal> {
        generators.iter().find_map(|g| {
            target(&g.target, Use::Bind)
                .or_else(|| self.expression(&g.target))
                .or_else(|| self.expression(&g.iter))
                .or_else(|| self.all(&g.ifs))
        })
    }

    /// A generator expression among several arguments that has no parentheses of its own.
    fn bare_generator(&self, args: &[Expr], several: bool) -> Option<Refusal> {
        args.iter().filter(|_| several).find_map(|arg| {
            let Expr::GeneratorExp(generator) = arg else { return None };
            let at = start(generator);
            let own = self.source[at..].starts_with('(') && start(&*generator.elt) > at;
            (!own).then(|| (at, "Generator expression must be parenthesized".into()))
        })
    }

    fn expression(&self, expression: &Expr) -> Option<Refusal> {
        match expression {
            Expr::Name(_) | Expr::Constant(_) => None,
            Expr::BoolOp(e) => self.all(&e.values),
            Expr::NamedExpr(e) => match &*e.target {
                Expr::Name(_) => self.expression(&e.value),
                other => Some((
                    start(other),
                    format!("cannot use assignment expressions with {}", kind(other)).into(),
                )),
            },
            Expr::BinOp(e) => self.all([&*e.left, &*e.right]),
            Expr::UnaryOp(e) => self.expression(&e.operand),
            Expr::Lambda(e) => self.arguments(&e.args).or_else(|| self.expression(&e.body)),
            Expr::IfExp(e) => self.all([&*e.test, &*e.body, &*e.orelse]),
            Expr::Dict(e) => self.all(e.keys.iter().flatten()).or_else(|| self.all(&e.values)),
            Expr::Set(e) => self.all(&e.elts),
            Expr::ListComp(e) => {
                self.expression(&e.elt).or_else(|| self.comprehension(&e.generators))
            }
            Expr::SetComp(e) => {
                self.expression(&e.elt).or_else(|| self.comprehension(&e.generators))
            }
            Expr::DictComp(e) => {
                self.all([&*e.key, &*e.value]).or_else(|| self.comprehension(&e.generators))
            }
            Expr::GeneratorExp(e) => {
                self.expression(&e.elt).or_else(|| self.comprehension(&e.generators))
            }
            Expr::Await(e) => self.expression(&e.value),
            Expr::Yield(e) => self.maybe(e.value.as_deref()),
            Expr::YieldFrom(e) => self.expression(&e.value),
            Expr::Compare(e) => self.expression(&e.left).or_else(|| self.all(&e.comparators)),
            Expr::Call(e) => self
                .bare_generator(&e.args, e.args.len() + e.keywords.len() > 1)
                .or_else(|| self.expression(&e.func))
                .or_else(|| self.all(&e.args))
                .or_else(|| self.all(e.keywords.iter().map(|k| &k.value))),
            Expr::FormattedValue(e) => {
                self.expression(&e.value).or_else(|| self.maybe(e.format_spec.as_deref()))
            }
            Expr::JoinedStr(e) => self.all(&e.values),
            Expr::Attribute(e) => self.expression(&e.value),
            Expr::Subscript(e) => self.all([&*e.value, &*e.slice]),
            Expr::Starred(e) => self.expression(&e.value),
            Expr::List(e) => self.all(&e.elts),
            Expr::Tuple(e) => self.all(&e.elts),
            Expr::Slice(e) => self.all(e.lower.iter().chain(&e.upper).chain(&e.step).map(|b| &**b)),
        }
    }
}
