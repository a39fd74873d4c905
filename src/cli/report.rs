//! The report of `sync`: as JSON for machines, as tables for people.

use std::collections::BTreeSet;

use jiff::{Timestamp, Unit};
use serde::Serialize;
use serde_json::Value;

use super::failure::Failure;
use super::{findings, output};
use crate::api::{Problem, Severity};
use crate::engine::cause::Cause;
use crate::engine::update::Effect;
use crate::standalone::{AutomationReport, PolicyReport, Report};

/// The report as JSON (the shape is part of the interface).
#[derive(Serialize)]
pub(super) struct Json<'a> {
    /// False of a round that a scan, a hook or a change brought: it holds what that touched alone.
    whole: bool,
    policies: &'a [PolicyReport],
    automations: Vec<JsonAutomation<'a>>,
    problems: Vec<JsonProblem<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonAutomation<'a> {
    namespace: &'a str,
    name: &'a str,
    suspended: bool,
    /// What comes of it is told by a later round.
    running: bool,
    remote: Option<&'a str>,
    branch: Option<&'a str>,
    /// The second reference, of a refspec.
    also: Option<&'a str>,
    commit: Option<&'a str>,
    effect: Option<Effect>,
    deferred_until: Option<String>,
    /// The push branch held the changes already.
    proposed: bool,
    warnings: &'a [String],
    #[serde(flatten)]
    findings: findings::Json<'a>,
    diff: Option<&'a str>,
    error: Option<&'a Cause>,
}

#[derive(Serialize)]
struct JsonProblem<'a> {
    severity: &'static str,
    file: &'a str,
    document: usize,
    line: usize,
    field: &'a str,
    message: &'a str,
}

impl<'a> Json<'a> {
    pub(super) fn of(report: &'a Report, problems: &'a [Problem]) -> Self {
        Self {
            whole: report.is_whole,
            policies: &report.policies,
            automations: report.automations.iter().map(JsonAutomation::of).collect(),
            problems: problems.iter().map(JsonProblem::of).collect(),
        }
    }

    /// What it says of each policy and automation, with its kind; one at a time, since all of them are large.
    pub(super) fn objects(&self) -> impl Iterator<Item = serde_json::Result<(&'static str, Value)>> {
        let policies = self.policies.iter().map(|policy| Ok(("policy", serde_json::to_value(policy)?)));
        policies.chain(self.automations.iter().map(|automation| Ok(("automation", serde_json::to_value(automation)?))))
    }

    /// What it says of the files.
    pub(super) fn problems(&self) -> serde_json::Result<Value> {
        serde_json::to_value(&self.problems)
    }
}

impl<'a> JsonAutomation<'a> {
    fn of(report: &'a AutomationReport) -> Self {
        Self {
            namespace: &report.automation.namespace,
            name: &report.automation.name,
            suspended: report.suspended,
            running: report.running,
            remote: report.remote.as_deref(),
            branch: report.branch.as_deref(),
            also: report.also.as_deref(),
            effect: report.effect,
            deferred_until: report.deferred_until.map(|until| to_seconds(until).to_string()),
            commit: report.commit.as_deref(),
            proposed: report.proposed,
            warnings: &report.warnings,
            findings: findings::json(&report.findings),
            diff: report.diff.as_deref(),
            error: report.error.as_ref(),
        }
    }
}

impl<'a> JsonProblem<'a> {
    fn of(problem: &'a Problem) -> Self {
        let severity = if problem.severity == Severity::Error { "error" } else { "warning" };
        let Problem { file, document, line, field, message, .. } = problem;
        Self { severity, file, document: *document, line: *line, field, message }
    }
}

/// Prints a round for people: data to stdout, what went wrong to stderr.
pub(super) fn print(report: &Report, found: &[Problem]) -> Result<(), Failure> {
    problems(found);
    if !report.policies.is_empty() {
        output::table(&["POLICY", "WAS", "LATEST", "WHY"], report.policies.iter().map(policy_row).collect())?;
        // What only policies are told of is nothing to set apart.
        if !report.automations.is_empty() {
            output::line("")?;
        }
    }
    if report.automations.is_empty() && report.is_whole {
        output::warning("there is no ImageUpdateAutomation among the objects: nothing is updated");
    } else if !report.automations.is_empty() {
        output::table(
            &["AUTOMATION", "BRANCH", "COMMIT", "CHANGES"],
            report.automations.iter().map(automation_row).collect(),
        )?;
    }
    for automation in &report.automations {
        output::text(&findings::changes_text(&automation.findings, "  "))?;
        automation.diff.iter().try_for_each(|diff| output::diff(diff))?;
        findings::tell_ignored(&automation.findings);
    }
    // Automations of one repository are warned of the same.
    let warnings = report.automations.iter().flat_map(|automation| &automation.warnings);
    let warnings: BTreeSet<&String> = warnings.chain(report.policies.iter().flat_map(|p| &p.warnings)).collect();
    warnings.into_iter().for_each(|warning| output::warning(warning));
    let errors =
        report.policies.iter().filter_map(|policy| Some(("ImagePolicy", &policy.policy, policy.error.as_ref()?)));
    let errors = errors.chain(
        report.automations.iter().filter_map(|a| Some(("ImageUpdateAutomation", &a.automation, a.error.as_ref()?))),
    );
    errors.for_each(|(kind, id, cause)| output::failure(&cause.clone().doing(format!("{kind} {id}"))));
    Ok(())
}

fn policy_row(policy: &PolicyReport) -> Vec<String> {
    let latest = policy.latest.as_ref().map(|latest| {
        let digest = latest.digest.as_ref().map(|digest| format!("@{digest}")).unwrap_or_default();
        format!("{}:{}{digest}", latest.name, latest.tag.as_deref().unwrap_or_default())
    });
    let was = if policy.was.is_empty() { "-".to_owned() } else { policy.was.join(", ") };
    let reason = match (&policy.error, &policy.reason) {
        (Some(_), _) => "failed, see below".to_owned(),
        (None, reason) => {
            format!("{}{}", if policy.downgrade { "downgrade: " } else { "" }, reason.as_deref().unwrap_or_default())
        }
    };
    vec![policy.policy.to_string(), was, latest.unwrap_or_else(|| "-".to_owned()), reason]
}

fn automation_row(automation: &AutomationReport) -> Vec<String> {
    let commit = automation.commit.as_deref().map_or("-", |commit| &commit[..commit.len().min(7)]);
    let branch = automation.branch.iter().chain(&automation.also).cloned().collect::<Vec<_>>().join(", ");
    vec![
        automation.automation.to_string(),
        if branch.is_empty() { "-".to_owned() } else { branch },
        commit.to_owned(),
        told_of_changes(automation),
    ]
}

fn told_of_changes(automation: &AutomationReport) -> String {
    let count = automation.findings.changes.len();
    match (&automation.error, automation.effect) {
        (Some(_), _) => "failed, see below".to_owned(),
        _ if automation.suspended => "suspended".to_owned(),
        _ if automation.running => "still under way".to_owned(),
        _ if automation.proposed => format!("{count} wait on the branch"),
        _ if let Some(until) = automation.deferred_until => {
            format!("{count} wait for the push budget until {}", to_seconds(until))
        }
        (None, Some(effect)) if automation.commit.is_none() => format!("{count}{}", intention(effect)),
        (None, _) => count.to_string(),
    }
}

fn to_seconds(time: Timestamp) -> Timestamp {
    time.round(Unit::Second).unwrap_or(time)
}

/// What a dry run says of a branch that is not just moved on.
fn intention(effect: Effect) -> &'static str {
    match effect {
        Effect::Advances => "",
        Effect::Creates => ", the branch would be created",
        Effect::Rebuilds => ", the branch would be rebuilt",
        Effect::Extends => ", on top of others' commits",
    }
}

/// Tells what is wrong with the files of objects.
pub(super) fn problems(problems: &[Problem]) {
    for problem in problems {
        match problem.severity {
            Severity::Error => output::failure(&Cause::new(problem.to_string())),
            Severity::Warning => output::warning(&problem.to_string()),
        }
    }
}
