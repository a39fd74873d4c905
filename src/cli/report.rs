//! The report of `sync`: as JSON for machines, as tables for people.

use std::collections::BTreeSet;

use serde::Serialize;

use super::failure::Failure;
use super::{findings, output};
use crate::api::{Problem, Severity};
use crate::engine::cause::Cause;
use crate::standalone::{AutomationReport, PolicyReport, Report};

/// The report as JSON (the shape is part of the interface).
#[derive(Serialize)]
pub(super) struct Json<'a> {
    policies: &'a [PolicyReport],
    automations: Vec<JsonAutomation<'a>>,
    problems: Vec<JsonProblem<'a>>,
}

#[derive(Serialize)]
struct JsonAutomation<'a> {
    namespace: &'a str,
    name: &'a str,
    suspended: bool,
    remote: Option<&'a str>,
    branch: Option<&'a str>,
    commit: Option<&'a str>,
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
            policies: &report.policies,
            automations: report.automations.iter().map(JsonAutomation::of).collect(),
            problems: problems.iter().map(JsonProblem::of).collect(),
        }
    }
}

impl<'a> JsonAutomation<'a> {
    fn of(report: &'a AutomationReport) -> Self {
        Self {
            namespace: &report.automation.namespace,
            name: &report.automation.name,
            suspended: report.suspended,
            remote: report.remote.as_deref(),
            branch: report.branch.as_deref(),
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
        output::line("")?;
    }
    if report.automations.is_empty() {
        output::warning("there is no ImageUpdateAutomation among the objects: nothing is updated");
    } else {
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
    let warnings: BTreeSet<&String> = report.automations.iter().flat_map(|automation| &automation.warnings).collect();
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
    let changes = match (&automation.error, automation.suspended) {
        (Some(_), _) => "failed, see below".to_owned(),
        (None, true) => "suspended".to_owned(),
        (None, false) if automation.proposed => format!("{} wait on the branch", automation.findings.changes.len()),
        (None, false) => automation.findings.changes.len().to_string(),
    };
    vec![
        automation.automation.to_string(),
        automation.branch.clone().unwrap_or_else(|| "-".to_owned()),
        commit.to_owned(),
        changes,
    ]
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
