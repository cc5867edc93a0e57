"use strict";
// Swagger UI on our own schema. A session's writes need the CSRF token; a bearer token does not mind it.
(() => {
  const place = document.getElementById("api-docs");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const chosen = document.documentElement.dataset.theme;
  const follow = () =>
    document.documentElement.classList.toggle("dark-mode", chosen === "dark" || (chosen !== "light" && dark.matches));
  dark.addEventListener("change", follow);
  follow();
  SwaggerUIBundle({
    url: place.dataset.schema,
    domNode: place,
    deepLinking: true,
    defaultModelsExpandDepth: 0,
    docExpansion: "list",
    persistAuthorization: false,
    requestInterceptor: (request) => {
      if (new URL(request.url, location.href).origin === location.origin) {
        request.headers["X-CSRFToken"] = place.dataset.csrf;
      }
      return request;
    },
    validatorUrl: null,
  });
})();
