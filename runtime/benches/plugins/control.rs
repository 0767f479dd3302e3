//! The control of steps that call: a bare handler that makes so many calls to the receiver, one after the other, and answers.

use actix_web::{App, HttpResponse, HttpServer, web};

/// What Onward sends for a task of the benchmark.
const DOCUMENT: &str = r#"{"action":"One","user":{"id":"key_0123456789ab","email":null,"first_name":"bench","last_name":null},"task":{"Stage":"Open","Assigned To":null,"Company ID":"T17","Company Name":"Acme Corp","Contract Value":"10000","Expected Close Date":"2020-01-31"}}"#;

struct Caller {
    client: awc::Client,
    url: String,
}

pub(crate) fn main(arguments: &[String]) {
    let receiver = arguments[0].clone();
    actix_rt::System::new().block_on(async move {
        let server = HttpServer::new(move || {
            let client =
                awc::Client::builder().connector(awc::Connector::new().limit(0)).disable_timeout().finish();
            let caller = Caller { client, url: format!("http://127.0.0.1:{receiver}/hook") };
            App::new().app_data(web::Data::new(caller)).route("/{calls}", web::to(call))
        })
        .workers(1)
        .bind("127.0.0.1:0")
        .expect("a free port");
        println!("{}", server.addrs()[0].port());
        server.run().await.expect("served");
    });
}

async fn call(caller: web::Data<Caller>, calls: web::Path<usize>, _body: web::Bytes) -> HttpResponse {
    for _ in 0..*calls {
        let request = caller.client.post(&caller.url).content_type("application/json");
        let answered = match request.send_body(DOCUMENT).await {
            Ok(mut answer) => answer.status().is_success() && answer.body().await.is_ok(),
            Err(_) => false,
        };
        if !answered {
            return HttpResponse::BadGateway().finish();
        }
    }
    HttpResponse::Created().content_type("application/json").body(r#"{"id":"x","status":"Success"}"#)
}
