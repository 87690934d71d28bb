// CloudFront Function (runtime cloudfront-js-2.0) in front of the results: what is published, and as which object.
// The address below the distribution is a key below datasets/ of the bucket. Datasets of Discover have numbers;
// uploads have names, which are never bare numbers, and are not published.

var EVERYBODY = {
  "access-control-allow-origin": { value: "*" },
  "access-control-allow-methods": { value: "GET, HEAD, OPTIONS" },
  "access-control-allow-headers": { value: "Range, If-Match, If-None-Match, If-Modified-Since, If-Range, Cache-Control" },
  "access-control-expose-headers": { value: "Accept-Ranges, Content-Encoding, Content-Length, Content-Range, ETag, Last-Modified" },
  "access-control-max-age": { value: "86400" },
};

function answer(status, text, more) {
  return { statusCode: status, statusDescription: text, headers: Object.assign({}, EVERYBODY, more || {}) };
}

// The key that S3 makes of a path, or "" for what is no key of a published object.
function keyOf(path) {
  var key;
  try {
    key = decodeURIComponent(path);
  } catch (error) {
    return "";
  }
  // S3 takes a plus for a space in some places: neither a name of a working folder nor a number has one
  if (key.charAt(0) !== "/" || /[\u0000-\u001f\u007f\\]/.test(key)) return "";
  return key.slice(1);
}

function isPublished(key) {
  var parts = key.split("/");
  for (var i = 0; i < parts.length; i += 1) {
    if (parts[i] === "" || parts[i] === "." || parts[i] === "..") return false;
  }
  if (parts.length === 1) return key === "index.html" || key === "catalogue.parquet";
  if (!/^[0-9]+$/.test(parts[0])) return false;
  var folded = parts.map(function (part) { return part.toLowerCase(); });
  var work = folded.indexOf(".sparc-fuse");
  if (work < 0) return true;
  // of the working folders only the thumbnails, which lie beside a version's manifest
  return work === 2 && parts[2] === ".sparc-fuse" && parts[3] === "thumbnails" && parts.length > 4
    && /\.png$/.test(key) && folded.lastIndexOf(".sparc-fuse") === 2;
}

function handler(event) {
  var request = event.request;
  if (request.method === "OPTIONS") return answer(204, "No Content");
  if (request.uri === "/" || /^\/[0-9]+\/[^/]+\/$/.test(request.uri)) request.uri += "index.html";
  var key = keyOf(request.uri);
  if (!key || !isPublished(key)) return answer(404, "Not Found", { "cache-control": { value: "max-age=60" } });
  // the bucket's own catalogue lists uploads too
  if (key === "catalogue.parquet") request.uri = "/.sparc-fuse/published.parquet";
  return request;
}
