//! A walk over a Python tree that does not recurse.

use rustpython_parser::ast::{Arguments, Comprehension, ExceptHandler, Expr, Pattern, Stmt};

/// A part of a tree.
#[derive(Clone, Copy)]
pub(in crate::domain) enum Node<'a> {
    /// A statement.
    Statement(&'a Stmt),
    /// An expression.
    Expression(&'a Expr),
}

/// Visits every statement and expression, with the number of expressions that it stands in. The plain parts of an f-string
/// are no expressions.
pub(in crate::domain) fn walk<'a>(suite: &'a [Stmt], mut visit: impl FnMut(Node<'a>, usize)) {
    let mut waiting: Vec<(Node<'a>, usize)> =
        suite.iter().rev().map(|s| (Node::Statement(s), 0)).collect();
    let mut below = Below(Vec::new());
    while let Some((node, depth)) = waiting.pop() {
        visit(node, depth);
        let depth = match node {
            Node::Statement(statement) => {
                below.statement(statement);
                depth
            }
            Node::Expression(expression) => {
                below.expression(expression);
                depth + 1
            }
        };
        waiting.extend(below.0.drain(..).rev().map(|node| (node, depth)));
    }
}

/// The parts directly below a node, in the order of the source.
struct Below<'a>(Vec<Node<'a>>);

impl<'a> Below<'a> {
    fn one(&mut self, expression: &'a Expr) {
        self.0.push(Node::Expression(expression));
    }

    fn all(&mut self, expressions: impl IntoIterator<Item = &'a Expr>) {
        self.0.extend(expressions.into_iter().map(Node::Expression));
    }

    fn maybe(&mut self, expression: &'a Option<Box<Expr>>) {
        self.all(expression.as_deref());
    }

    fn body(&mut self, statements: &'a [Stmt]) {
        self.0.extend(statements.iter().map(Node::Statement));
    }

    fn statement(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(s) => {
                self.all(&s.decorator_list);
                self.arguments(&s.args);
                self.maybe(&s.returns);
                self.body(&s.body);
            }
            Stmt::AsyncFunctionDef(s) => {
                self.all(&s.decorator_list);
                self.arguments(&s.args);
                self.maybe(&s.returns);
                self.body(&s.body);
            }
            Stmt::ClassDef(s) => {
                self.all(&s.decorator_list);
                self.all(&s.bases);
                self.all(s.keywords.iter().map(|k| &k.value));
                self.body(&s.body);
            }
            Stmt::Return(s) => self.maybe(&s.value),
            Stmt::Delete(s) => self.all(&s.targets),
            Stmt::Assign(s) => {
                self.all(&s.targets);
                self.one(&s.value);
            }
            Stmt::TypeAlias(s) => self.all([&*s.name, &*s.value]),
            Stmt::AugAssign(s) => self.all([&*s.target, &*s.value]),
            Stmt::AnnAssign(s) => {
                self.all([&*s.target, &*s.annotation]);
                self.maybe(&s.value);
            }
            Stmt::For(s) => {
                self.all([&*s.target, &*s.iter]);
                self.body(&s.body);
                self.body(&s.orelse);
            }
            Stmt::AsyncFor(s) => {
                self.all([&*s.target, &*s.iter]);
                self.body(&s.body);
                self.body(&s.orelse);
            }
            Stmt::While(s) => {
                self.one(&s.test);
                self.body(&s.body);
                self.body(&s.orelse);
            }
            Stmt::If(s) => {
                self.one(&s.test);
                self.body(&s.body);
                self.body(&s.orelse);
            }
            Stmt::With(s) => {
                for item in &s.items {
                    self.one(&item.context_expr);
                    self.maybe(&item.optional_vars);
                }
                self.body(&s.body);
            }
            Stmt::AsyncWith(s) => {
                for item in &s.items {
                    self.one(&item.context_expr);
                    self.maybe(&item.optional_vars);
                }
                self.body(&s.body);
            }
            Stmt::Match(s) => {
                self.one(&s.subject);
                for case in &s.cases {
                    self.pattern(&case.pattern);
                    self.maybe(&case.guard);
                    self.body(&case.body);
                }
            }
            Stmt::Raise(s) => {
                self.maybe(&s.exc);
                self.maybe(&s.cause);
            }
            Stmt::Try(s) => self.attempt([&s.body, &s.orelse, &s.finalbody], &s.handlers),
            Stmt::TryStar(s) => self.attempt([&s.body, &s.orelse, &s.finalbody], &s.handlers),
            Stmt::Assert(s) => {
                self.one(&s.test);
                self.maybe(&s.msg);
            }
            Stmt::Expr(s) => self.one(&s.value),
            Stmt::Import(_)
            | Stmt::ImportFrom(_)
            | Stmt::Global(_)
            | Stmt::Nonlocal(_)
            | Stmt::Pass(_)
            | Stmt::Break(_)
            | Stmt::Continue(_) => {}
        }
    }

    fn attempt(&mut self, [body, or_else, last]: [&'a [Stmt]; 3], handlers: &'a [ExceptHandler]) {
        self.body(body);
        for ExceptHandler::ExceptHandler(handler) in handlers {
            self.maybe(&handler.type_);
            self.body(&handler.body);
        }
        self.body(or_else);
        self.body(last);
    }

    fn arguments(&mut self, args: &'a Arguments) {
        for arg in args.posonlyargs.iter().chain(&args.args).chain(&args.kwonlyargs) {
            self.maybe(&arg.def.annotation);
            self.maybe(&arg.default);
        }
        for arg in args.vararg.iter().chain(&args.kwarg) {
            self.maybe(&arg.annotation);
        }
    }

    /// The expressions of a pattern; patterns nest no deeper than brackets do.
    fn pattern(&mut self, pattern: &'a Pattern) {
        match pattern {
            Pattern::MatchValue(p) => self.one(&p.value),
            Pattern::MatchSequence(p) => p.patterns.iter().for_each(|p| self.pattern(p)),
            Pattern::MatchMapping(p) => {
                self.all(&p.keys);
                p.patterns.iter().for_each(|p| self.pattern(p));
            }
            Pattern::MatchClass(p) => {
                self.one(&p.cls);
                p.patterns.iter().chain(&p.kwd_patterns).for_each(|p| self.pattern(p));
            }
            Pattern::MatchAs(p) => p.pattern.iter().for_each(|p| self.pattern(p)),
            Pattern::MatchOr(p) => p.patterns.iter().for_each(|p| self.pattern(p)),
            Pattern::MatchSingleton(_) | Pattern::MatchStar(_) => {}
        }
    }

    fn comprehension(&mut self, generators: &'a [Comprehension]) {
        for g in generators {
            self.all([&g.target, &g.iter]);
            self.all(&g.ifs);
        }
    }

    fn expression(&mut self, expression: &'a Expr) {
        match expression {
            Expr::BoolOp(e) => self.all(&e.values),
            Expr::NamedExpr(e) => self.all([&*e.target, &*e.value]),
            Expr::BinOp(e) => self.all([&*e.left, &*e.right]),
            Expr::UnaryOp(e) => self.one(&e.operand),
            Expr::Lambda(e) => {
                self.arguments(&e.args);
                self.one(&e.body);
            }
            Expr::IfExp(e) => self.all([&*e.body, &*e.test, &*e.orelse]),
            Expr::Dict(e) => {
                self.all(e.keys.iter().flatten());
                self.all(&e.values);
            }
            Expr::Set(e) => self.all(&e.elts),
            Expr::ListComp(e) => {
                self.one(&e.elt);
                self.comprehension(&e.generators);
            }
            Expr::SetComp(e) => {
                self.one(&e.elt);
                self.comprehension(&e.generators);
            }
            Expr::DictComp(e) => {
                self.all([&*e.key, &*e.value]);
                self.comprehension(&e.generators);
            }
            Expr::GeneratorExp(e) => {
                self.one(&e.elt);
                self.comprehension(&e.generators);
            }
            Expr::Await(e) => self.one(&e.value),
            Expr::Yield(e) => self.maybe(&e.value),
            Expr::YieldFrom(e) => self.one(&e.value),
            Expr::Compare(e) => {
                self.one(&e.left);
                self.all(&e.comparators);
            }
            Expr::Call(e) => {
                self.one(&e.func);
                self.all(&e.args);
                self.all(e.keywords.iter().map(|k| &k.value));
            }
            Expr::FormattedValue(e) => {
                self.one(&e.value);
                self.maybe(&e.format_spec);
            }
            Expr::JoinedStr(e) => {
                self.all(e.values.iter().filter(|part| !matches!(part, Expr::Constant(_))));
            }
            Expr::Attribute(e) => self.one(&e.value),
            Expr::Subscript(e) => self.all([&*e.value, &*e.slice]),
            Expr::Starred(e) => self.one(&e.value),
            Expr::List(e) => self.all(&e.elts),
            Expr::Tuple(e) => self.all(&e.elts),
            Expr::Slice(e) => {
                self.maybe(&e.lower);
                self.maybe(&e.upper);
                self.maybe(&e.step);
            }
            Expr::Name(_) | Expr::Constant(_) => {}
        }
    }
}
