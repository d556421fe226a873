// Queries that may return nothing while all is well. Every other query must return data.

/** Part of a query, and the reason why nothing is right. */
export const MAY_BE_EMPTY = [
  ["ALERTS{", "no alert fires in a healthy system"],
];

/** True if the query may return nothing. */
export const mayBeEmpty = (query) => MAY_BE_EMPTY.some(([part]) => query.includes(part));
