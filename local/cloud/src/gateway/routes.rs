//! Which route answers a request, chosen as an HTTP API of API Gateway chooses.

use std::cmp::Ordering;

use super::encoding::{self, Malformed};

/// One route of the API and the function behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// As written in the template: `GET /v1/passes/{passType}/{serial}` or `$default`.
    pub key: String,
    /// The binary of the function.
    pub function: String,
    /// `None` for `ANY`.
    method: Option<String>,
    /// `None` for `$default`, which has no path.
    segments: Option<Vec<Segment>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    /// `{name}`: one whole segment that is not empty.
    Parameter(String),
    /// `{name+}`: the rest of the path, which is not empty; only at the end.
    Greedy(String),
}

/// The route that was chosen, and what its parameters hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Match<'a> {
    pub route: &'a Route,
    /// Decoded once, in the order of the path.
    pub parameters: Vec<(String, String)>,
}

impl Route {
    /// `None` when the key is no route key.
    pub fn new(key: &str, function: &str) -> Option<Self> {
        let (method, segments) = if key == "$default" {
            (None, None)
        } else {
            let (method, path) = key.split_once(' ')?;
            let known = ["ANY", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
            if !known.contains(&method) {
                return None;
            }
            ((method != "ANY").then(|| method.to_owned()), Some(segments(path)?))
        };
        Some(Self {
            key: key.to_owned(),
            function: function.to_owned(),
            method,
            segments,
        })
    }

    /// Puts the more specific route first: literals before parameters before greedy ones, segment
    /// by segment; then a method before `ANY`; `$default` last. The path weighs more than the
    /// method: a request goes to the best path that has its method or `ANY`.
    pub(super) fn by_specificity(&self, other: &Self) -> Ordering {
        let rank = |segment: &Segment| match segment {
            Segment::Literal(_) => 0,
            Segment::Parameter(_) => 1,
            Segment::Greedy(_) => 2,
        };
        let path = match (&self.segments, &other.segments) {
            (Some(own), Some(others)) => own.iter().map(rank).cmp(others.iter().map(rank)),
            (own, others) => others.is_some().cmp(&own.is_some()),
        };
        path.then(other.method.is_some().cmp(&self.method.is_some()))
    }

    fn parameters(&self, method: &str, path: &[String]) -> Option<Vec<(String, String)>> {
        if self.method.as_deref().is_some_and(|own| own != method) {
            return None;
        }
        let Some(segments) = &self.segments else {
            return Some(Vec::new());
        };
        let mut parameters = Vec::new();
        let mut given = path.iter();
        for segment in segments {
            match segment {
                Segment::Literal(text) => {
                    given.next().filter(|segment| *segment == text)?;
                }
                Segment::Parameter(name) => {
                    let value = given.next().filter(|segment| !segment.is_empty())?;
                    parameters.push((name.clone(), value.clone()));
                }
                Segment::Greedy(name) => {
                    let rest: Vec<&str> = given.by_ref().map(String::as_str).collect();
                    let rest = Some(rest.join("/")).filter(|rest| !rest.is_empty())?;
                    parameters.push((name.clone(), rest));
                }
            }
        }
        given.next().is_none().then_some(parameters)
    }
}

fn segments(path: &str) -> Option<Vec<Segment>> {
    let mut segments = Vec::new();
    let mut rest = path.strip_prefix('/')?.split('/').peekable();
    while let Some(segment) = rest.next() {
        let name = segment.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
        segments.push(match name {
            None => Segment::Literal(segment.to_owned()),
            Some(name) => match name.strip_suffix('+') {
                None => Segment::Parameter(name.to_owned()),
                Some(name) if rest.peek().is_none() => Segment::Greedy(name.to_owned()),
                Some(_) => return None,
            },
        });
    }
    Some(segments)
}

/// Finds the route for a request. `routes` stand in the order of [`Route::by_specificity`], `path`
/// as the client sent it.
///
/// The path is cut at its slashes before it is decoded, so that `%2F` stays inside a parameter. A
/// trailing slash and a doubled leading one (a webServiceURL that ends in a slash) do not count.
pub(super) fn find<'a>(routes: &'a [Route], method: &str, path: &str) -> Result<Option<Match<'a>>, Malformed> {
    let path = path.trim_start_matches('/');
    let path = path.strip_suffix('/').unwrap_or(path);
    let segments = path
        .split('/')
        .map(encoding::decode_path)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(routes.iter().find_map(|route| {
        let parameters = route.parameters(method, &segments)?;
        Some(Match { route, parameters })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(keys: &[&str]) -> Vec<Route> {
        let mut routes: Vec<Route> = keys.iter().map(|key| Route::new(key, "function").unwrap()).collect();
        routes.sort_by(Route::by_specificity);
        routes
    }

    fn chosen(routes: &[Route], request: &str) -> Option<String> {
        let (method, path) = request.split_once(' ').unwrap();
        find(routes, method, path).unwrap().map(|found| found.route.key.clone())
    }

    #[test]
    fn the_developer_guides_own_examples() {
        let routes = table(&[
            "$default",
            "ANY /{proxy+}",
            "GET /pets/{proxy+}",
            "GET /pets/dog/{id}",
            "GET /pets/dog/1",
        ]);
        for (request, expected) in [
            ("GET /pets/dog/1", "GET /pets/dog/1"),
            ("GET /pets/dog/2", "GET /pets/dog/{id}"),
            ("GET /pets/cat/1", "GET /pets/{proxy+}"),
            ("POST /test/5", "ANY /{proxy+}"),
            ("POST /pets/dog/1", "ANY /{proxy+}"),
            ("GET /", "$default"),
        ] {
            assert_eq!(chosen(&routes, request).as_deref(), Some(expected), "{request}");
        }
    }

    #[test]
    fn a_method_of_its_own_comes_before_any() {
        let routes = table(&["ANY /v1/log", "POST /v1/log"]);
        assert_eq!(chosen(&routes, "POST /v1/log").as_deref(), Some("POST /v1/log"));
        assert_eq!(chosen(&routes, "GET /v1/log").as_deref(), Some("ANY /v1/log"));
        assert_eq!(chosen(&table(&["POST /v1/log"]), "GET /v1/log"), None);
    }

    #[test]
    fn a_parameter_is_one_segment_that_is_not_empty() {
        let routes = table(&["GET /a/{x}"]);
        for refused in ["GET /a", "GET /a/", "GET /a/b/c", "GET /a//b", "GET /a/b//", "GET /A/b"] {
            assert_eq!(chosen(&routes, refused), None, "{refused}");
        }
        for accepted in ["GET /a/b", "GET /a/b/", "GET //a/b", "GET /a/b%2Fc", "GET /%61/b"] {
            assert!(chosen(&routes, accepted).is_some(), "{accepted}");
        }
    }

    #[test]
    fn parameters_are_decoded_once() {
        let routes = table(&["GET /a/{x}/{rest+}"]);
        for (path, x, rest) in [
            ("/a/A%2DB/c", "A-B", "c"),
            ("/a/A%252DB/c", "A%2DB", "c"),
            ("/a/A+B/c/d", "A+B", "c/d"),
            ("/a/A%2FB/c%2Fd", "A/B", "c/d"),
            ("/a/Z%C3%BCrich/%E2%9C%93", "Zürich", "✓"),
        ] {
            let found = find(&routes, "GET", path).unwrap().unwrap();
            let expected = [("x", x), ("rest", rest)].map(|(name, value)| (name.to_owned(), value.to_owned()));
            assert_eq!(found.parameters, expected, "{path}");
        }
        assert_eq!(find(&routes, "GET", "/a/%zz/c"), Err(Malformed));
    }

    #[test]
    fn what_is_no_route_key() {
        for key in ["/v1/log", "FETCH /v1/log", "GET v1/log", "GET /{rest+}/more"] {
            assert_eq!(Route::new(key, "function"), None, "{key}");
        }
    }
}
