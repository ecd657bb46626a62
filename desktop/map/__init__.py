"""The embedded offline map: folium's page, Leaflet, a vector base map, and the way to Qt."""
