"""Blind review: start one, look at it, decide item by item, finish, results, preference rows."""

from __future__ import annotations

from django.urls import path

from review_app import item_views, result_views, review_views

urlpatterns = [
    path("", review_views.reviews, name="reviews"),
    path("new/<int:evaluation_id>/", review_views.new, name="review_new"),
    path("<int:review_id>/", review_views.review, name="review"),
    path("<int:review_id>/<int:number>/", item_views.item, name="review_item"),
    path("<int:review_id>/finish/", review_views.finish, name="review_finish"),
    path("<int:review_id>/close/", review_views.close, name="review_close"),
    path("<int:review_id>/results/", result_views.results, name="review_results"),
    path("<int:review_id>/preferences/", result_views.preferences, name="review_preferences"),
]
