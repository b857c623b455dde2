/**
 * Registers the service worker, which keeps the site for use without a network.
 *
 * @module
 */

if ("serviceWorker" in navigator) {
  // It fails on a page that is not served securely, and in some private windows. The site works
  // there all the same, as long as there is a network.
  navigator.serviceWorker.register(new URL("service_worker.js", import.meta.url)).catch(() => {});
}
