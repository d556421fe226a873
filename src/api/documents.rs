//! Answers as files to save: tables of typed cells, made from the same types as the JSON, and written as CSV or as a
//! workbook (docs/api.md#files).

mod csv;
mod cut;
mod cuts;
mod history;
mod period;
mod table;
mod workbook;

use super::ApiError;
use super::context::RequestContext;
use super::parameters::Parameters;
use super::{cuts as lists, history as histories, periods};
use crate::http::{ApiContent, ApiRequest, ApiResponse, FileFormat};

/// Answers a request with a file.
///
/// # Errors
/// Errors of the request for JSON; 404 if it has no file; 500 if a table has more rows than a sheet can have.
pub(super) fn get(
    context: &RequestContext<'_>,
    request: &ApiRequest,
    parameters: &Parameters,
    format: FileFormat,
) -> Result<ApiResponse, ApiError> {
    let document = match request {
        ApiRequest::Cuts => cuts::document(context, &lists::list(context, parameters)),
        ApiRequest::Cut(id) => cut::document(context, &lists::get(context, id)?),
        ApiRequest::Period(kind, id) => period::document(context, &periods::get(context, kind, id)?),
        ApiRequest::History(name) => history::document(context, &histories::get(context, name, parameters)?),
        _ => return Err(ApiError::absent("this answer is not available as a file")),
    };
    let bytes = match format {
        FileFormat::Csv => csv::bytes(&document),
        FileFormat::Xlsx => workbook::bytes(&document)
            .map_err(|error| ApiError::internal(format!("the workbook cannot be made: {error}; ask for .csv")))?,
    };
    let (media_type, name) = (format.media_type(), format!("{}.{}", document.name, format.extension()));
    Ok(ApiResponse { status: 200, content: ApiContent::File { media_type, name, bytes } })
}
