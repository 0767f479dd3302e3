//! The step types that this server has: what a step may be, and the schema of its parameters.

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use super::{
    Api,
    error::ApiError,
    json as answer,
    need::Need,
    route::{Route, at, list_of, operation},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        at("/step-types").get(
            list,
            operation(
                "listStepTypes",
                Need::Known,
                "The step types that this server has, each with the schema of its parameters",
            )
            .answers(200, "In the order of their ids", list_of("StepType")),
        ),
    ]
}

async fn list(api: web::Data<Api>) -> Result<HttpResponse, ApiError> {
    let shown = api.shared.step_types.iter().map(|step_type| {
        let description = step_type.description();
        json!({
            "id": step_type.id(),
            "name": description.name,
            "category": description.category,
            "effects": step_type.effects().name(),
            "summary": description.summary,
            "schema": description.schema,
            "icon": description.icon,
            "help": description.help,
            "examples": description.examples,
            "plugin": step_type.plugin(),
        })
    });
    answer(HttpResponse::Ok(), &shown.collect::<Vec<Value>>())
}
