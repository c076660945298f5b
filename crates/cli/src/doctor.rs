use anyhow::{Context, bail};
use hubwire_protocol::HubName;
use hubwire_server::{Config, Diagnosis, diagnose};

use crate::arguments::{Doctor, DoctorSubject, DoctorUpstream};
use crate::output;

/// Examines, and fails if something is wrong.
pub(crate) fn run(doctor: &Doctor) -> anyhow::Result<()> {
    let DoctorSubject::Upstream(options) = &doctor.subject;
    upstream(options)
}

fn upstream(options: &DoctorUpstream) -> anyhow::Result<()> {
    let hub = HubName::parse(&options.hub).with_context(|| {
        format!("--hub `{}`: a letter, then letters, digits or any of _ ` , . [ ]", options.hub)
    })?;
    let config = Config::load(&options.settings.overrides(None))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let diagnoses = runtime.block_on(diagnose(&config, &hub, options.event.as_deref()));
    if diagnoses.is_empty() {
        bail!(
            "hub `{hub}` has no event handlers: add [[hubs.{hub}.event_handlers]] to the configuration file, and name the file with --config or HUBWIRE_CONFIG"
        );
    }
    let mut problems = 0;
    for diagnosis in &diagnoses {
        problems += print(diagnosis)?;
    }
    if problems > 0 {
        bail!("{problems} problem(s) found");
    }
    Ok(output::line("All is well.")?)
}

/// Prints a diagnosis, and answers how many problems are in it.
fn print(diagnosis: &Diagnosis) -> anyhow::Result<usize> {
    output::line(&format!("Event handler {}", diagnosis.handler))?;
    for step in &diagnosis.steps {
        output::line(&format!("\n  {}", step.title))?;
        for line in &step.exchange {
            output::line(&format!("    {line}"))?;
        }
        if !step.expected.is_empty() {
            output::line(&format!("    expected: {}", step.expected))?;
        }
        match &step.problem {
            None => output::line("    OK")?,
            Some(problem) => output::line(&format!("    PROBLEM: {problem}"))?,
        }
    }
    output::line("")?;
    Ok(diagnosis.steps.iter().filter(|step| step.problem.is_some()).count())
}
